"""From Bronze to the models' inputs: typed views, brands' queries stacked, the graph of models."""
