package acceptance

import "os"

// exitSignal makes ping print its summary.
var exitSignal = os.Interrupt
