"""What an investment costs: fees, execution, dividend tax, hedging, lending; choosing among funds."""
