"""An attacker fights the hold on a virtual clock, and the rules of that world."""
