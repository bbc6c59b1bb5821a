"""What is wrong reaches the people who can mend it: problems become letters, letters are delivered, nothing twice."""
