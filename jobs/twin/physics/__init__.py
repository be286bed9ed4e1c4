"""What calibrations do not report, one effect a module: equation, unit, source of the magnitude."""
