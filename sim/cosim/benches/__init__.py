"""cocotb benches, one per unit; they run inside the simulator."""
