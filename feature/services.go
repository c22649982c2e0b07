package feature

import "time"

// LogServer is how it goes with a server that messages are sent to.
type LogServer struct {
	Host    string // as configured
	Address string // where it was reached last, with the port; "" for never
	Up      bool   // there is a connection; over UDP nobody knows more than that no refusal came
	Error   string // why there is none
	Since   time.Time
	// Messages: those that wait, that were handed to the network, and that found
	// too many waiting.
	Queued        int
	Sent, Dropped uint64
}
