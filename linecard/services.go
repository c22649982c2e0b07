package linecard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"trunkline/internal/ether"
	"trunkline/linecard/discovery"
	"trunkline/linecard/punt"
)

// service is the part of a feature's card half that speaks with peers. It has
// the name of the feature's component, program section, report section and
// queries.
type service struct {
	name     string
	protocol ether.EtherType // of the frames that are punted to it
	speaker
}

// speaker is what a service does.
type speaker interface {
	Run(ctx context.Context) error
	Handle(ctx context.Context, p *punt.Packet)
	// Leave says goodbye where the section, nil for none, has the service say
	// no more, and returns the number of frames. It comes before the program is
	// in force, Apply after.
	Leave(section []byte) (int, error)
	Apply(section []byte) error
	// Poke tells that links have changed.
	Poke()
	Report() ([]byte, error)
	Query(request []byte) ([]byte, error)
}

// serve makes the services and the queue of frames for them.
func (c *Card) serve() {
	c.services = services(discovery.Card{
		Link:    c.engine.Link,
		Inject:  c.engine.Inject,
		Changed: func() { c.agent.Changed() },
		Chassis: func() string { return c.agent.Status().Chassis },
		Management: func() string {
			return management(c.agent.Status().Supervisor, c.cfg.Address)
		},
		Version: c.cfg.Version, Log: c.log,
	})
	for _, s := range c.services {
		c.handlers[s.protocol] = s.Handle
	}
}

// management is the address at which the switch is managed, as far as the card
// knows: where it reaches its supervisor, or, with a supervisor on the same
// host, that of the host.
func management(supervisor, host string) string {
	if at, err := netip.ParseAddrPort(supervisor); err == nil && !at.Addr().IsLoopback() {
		return at.Addr().String()
	}
	return host
}

// panicked takes a panic of a service's handler: the frame is lost, no more.
func (c *Card) panicked(p *punt.Packet, cause any) {
	c.log.Error("fault on the slow path: frame lost", "port", p.Name, "cause", fmt.Sprint(cause), "frame", fmt.Sprintf("%x", p.Data()))
}

// leave has the services say goodbye where the program ends them, and waits
// until they have.
func (c *Card) leave(sections map[string][]byte) error {
	frames := 0
	for _, s := range c.services {
		n, err := s.Leave(sections[s.name])
		if err != nil {
			return fmt.Errorf("section %s: %w", s.name, err)
		}
		frames += n
	}
	if frames > 0 {
		c.engine.Flush()
	}
	return nil
}

// speak puts a program in force in the services.
func (c *Card) speak(sections map[string][]byte) error {
	var errs []error
	for _, s := range c.services {
		if err := s.Apply(sections[s.name]); err != nil {
			errs = append(errs, fmt.Errorf("section %s: %w", s.name, err))
		}
	}
	return errors.Join(errs...)
}

// poke tells the services that links have changed.
func (c *Card) poke() {
	for _, s := range c.services {
		s.Poke()
	}
}

// showService prints what a service reports.
func (c *Card) showService(name string, out io.Writer) error {
	for _, s := range c.services {
		if s.name != name {
			continue
		}
		b, err := s.Report()
		if err != nil {
			return err
		}
		var r struct {
			Ports []struct {
				Name       string            `json:"name"`
				Up         bool              `json:"up"`
				Counters   map[string]uint64 `json:"counters"`
				Neighbours []struct {
					Info json.RawMessage `json:"info"`
				} `json:"neighbours"`
			} `json:"ports"`
		}
		if err := json.Unmarshal(b, &r); err != nil {
			return err
		}
		for _, p := range r.Ports {
			var counts []string
			for _, k := range sortedKeys(p.Counters) {
				counts = append(counts, fmt.Sprintf("%s %d", k, p.Counters[k]))
			}
			fmt.Fprintf(out, "%s: %d neighbours; %s\n", p.Name, len(p.Neighbours), strings.Join(counts, ", "))
			for _, n := range p.Neighbours {
				fmt.Fprintf(out, "  %s\n", n.Info)
			}
		}
	}
	return nil
}
