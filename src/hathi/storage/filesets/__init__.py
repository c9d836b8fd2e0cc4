"""File sets: sorted maps that share what they have in common, and the files and changes of files kept in them."""
