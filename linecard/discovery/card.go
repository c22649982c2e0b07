package discovery

import (
	"fmt"
	"log/slog"
	"net/netip"

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

// MaxManagement is how many addresses a program may have announced.
const MaxManagement = 2

// CheckManagement refuses what are no addresses to announce.
func CheckManagement(configured []string) error {
	if len(configured) > MaxManagement {
		return fmt.Errorf("%d management addresses", len(configured))
	}
	for _, text := range configured {
		if _, err := netip.ParseAddr(text); err != nil {
			return fmt.Errorf("management address %.64q", text)
		}
	}
	return nil
}

// Addresses are those at which the switch is managed: those that configuration
// gives it, else what the card knows, which may be nothing.
func (c Card) Addresses(configured []string) []netip.Addr {
	if len(configured) == 0 {
		configured = []string{c.Management()}
	}
	var all []netip.Addr
	for _, text := range configured {
		if a, err := netip.ParseAddr(text); err == nil {
			all = append(all, a.Unmap().WithZone(""))
		}
	}
	return all
}
