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

// Clock is how it goes with the time from the network.
type Clock struct {
	Sources []TimeSource // in the order of configuration
	// Synced says that one of them is selected: what follows is its.
	Synced  bool
	Offset  time.Duration // to add to the clock of the machine
	Stratum int           // of the switch: one more than that of the source
	// Sets says that the clock of the machine follows it; Reason why it does not.
	Sets   bool
	Reason string
}

// TimeSource is one server or peer of Clock.
type TimeSource struct {
	Host          string // as configured
	Peer          bool
	VRF           string
	Address       string // where it was asked last, without the port; "" for never
	Local         string // the address it was asked from
	Selected      bool
	Stratum       int // 16 for not known
	Poll          time.Duration
	Reach         uint8 // which of the last eight questions were answered, the last one in bit 0
	Delay, Offset time.Duration
	Error         string // what is wrong with it
}

// ScheduleRun is how it goes with a schedule.
type ScheduleRun struct {
	Started, Ended time.Time         // of the last run; Ended is before Started while it runs
	Count          int               // of runs
	Jobs           map[string]string // how each ended, by name
}
