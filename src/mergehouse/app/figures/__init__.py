"""What each page tells, as figures: no words of HTML, no formats."""
