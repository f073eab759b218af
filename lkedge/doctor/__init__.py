"""What `lkedge doctor` does: facts of the machine are read thinly, judged purely, and told with the remedy."""
