"""Excel for Mac, Windows and the web through Microsoft's custom-function protocol. No xlwings involved."""
