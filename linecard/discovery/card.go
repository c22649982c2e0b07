package discovery

import (
	"log/slog"

	"trunkline/linecard/pipeline"
)

// Card is what the protocols use of the line card they run on. Its functions may
// be called by any goroutine.
type Card struct {
	Link   func(port string) pipeline.Link
	Inject func(port string, frame []byte) error
	// Changed tells that there is something new to report.
	Changed func()
	// Chassis returns the GUID of the chassis, "" before the card has enrolled.
	Chassis func() string
	// Management returns the address at which the switch is managed, "" if the
	// card knows none.
	Management func() string
	Version    string // of the software
	Log        *slog.Logger
}
