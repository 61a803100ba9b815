"""Area and speed of generated units on an FPGA (ECP5), by open tools, beside public peers."""
