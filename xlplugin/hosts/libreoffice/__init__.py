"""LibreOffice Calc: an add-in made of text, generated from the registry."""
