"""Write a trading policy once; simulate it, paper trade it, run it live."""
