"""The USD-M exchange: margined positions, conditional orders, funding, its wire and streams."""
