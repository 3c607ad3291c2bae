"""Networks: a backbone with a classifier, or a head on vectors; and the devices they run on."""
