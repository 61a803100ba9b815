"""Co-simulation of the generated Verilog on its pins."""
