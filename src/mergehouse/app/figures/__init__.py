"""What pages show, as plain values: from a scope's reader and the filters, without a word of HTML."""
