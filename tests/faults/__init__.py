"""What goes wrong around a queue, for real: full disks, locks, damage, shortages, clocks, power cuts, strangers."""
