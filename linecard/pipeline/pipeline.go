// Package pipeline carries frames from port to port: workers, plans, stages,
// counters and the engine that the line card is wired around.
//
// A worker is one goroutine, locked to its thread, that owns the receive side
// of some ports and has a transmit queue on every port. It takes a batch from
// one queue and brings it to its end before it takes the next:
//
//	Recv → classify → guard → learn → lookup → flood → replicate → egress → Send → Release
//
// A Plan says what to do. It is a pure function of the program (facts that
// feature components give to a Builder) and of the state of the card's ports,
// never changes once it is published, and reaches a worker as one pointer that
// is loaded once per batch. What changes per frame lives in the worker; tables
// shared by workers are the FDB's atomics. So there is no lock and no
// allocation per frame.
//
// Every frame is accounted for. With frames counted as they are on a wire (a
// super-frame as its segments), over all ports and at rest:
//
//	rx + injected + copies − flooded = rx drops + tx + tx drops
//
// where a flooded frame with n copies adds n to copies and 1 to flooded. Rx
// drops are counted on the ingress port, tx drops on the egress port.
//
// Locking: Engine's methods may be called from any goroutine; its mutex guards
// configuration and port state and is never taken by a worker. The control
// plane talks to a worker through its mailbox, which the worker looks at
// between rounds. No callback runs under a lock.
package pipeline

import (
	"errors"
	"fmt"

	"trunkline/linecard/bridge"
	"trunkline/linecard/frame"
)

// MaxPorts bounds the ports of a card; index 0 is not used.
const MaxPorts = bridge.MaxPorts

// Stage is one feature's work on a batch in the guard or flood slot. It drops a
// frame by setting Drop[i]; in the flood slot frames about to be flooded are
// those with Drop[i] == frame.Forward and Next[i] == bridge.HopFlood. State of
// a stage belongs to the worker it runs on.
type Stage interface {
	Run(w *Worker, b *frame.Batch)
}

// EgressStage is one feature's work on the frames about to leave a port. The
// frames are read-only; it drops one by setting out[i].Drop.
type EgressStage interface {
	RunEgress(w *Worker, port uint16, out []frame.Out)
}

// Component is the card half of a feature: it turns the feature's program
// section into facts. The order of components is that of linecard/features.go.
type Component struct {
	Name string // of the feature and its section
	// Version of the section that it understands, advertised at attach.
	Version uint32
	// Build reads a section, which is bytes from the wire: whatever is wrong
	// with it is an error, and then the whole program is refused.
	Build func(b *Builder, section []byte) error
}

// Program returns the build function of a program: every component whose
// section is there, in order. All errors are returned. Sections without a
// component are an error, too: what is accepted is done.
func Program(components []Component, sections map[string][]byte) func(*Builder) error {
	return func(b *Builder) error {
		var errs []error
		known := 0
		for _, c := range components {
			section, ok := sections[c.Name]
			if !ok {
				continue
			}
			known++
			if err := c.Build(b, section); err != nil {
				errs = append(errs, fmt.Errorf("section %s: %w", c.Name, err))
			}
		}
		if known != len(sections) {
			for name := range sections {
				if !has(components, name) {
					errs = append(errs, fmt.Errorf("section %s: not supported by this card", name))
				}
			}
		}
		return errors.Join(errs...)
	}
}

func has(components []Component, name string) bool {
	for _, c := range components {
		if c.Name == name {
			return true
		}
	}
	return false
}

// Plan is what workers act on. It is immutable.
type Plan struct {
	Generation uint64 // counts plans
	bridge.Map
	stages []stages // by port index
}

// stages are the stage lists of one port; a feature that is off is not in them.
type stages struct {
	guard, flood []Stage
	egress       []EgressStage
}

// Punter takes frames off the frame path. Punt is called by the worker that
// receives from the port, with the worker's clock in ns; it copies the frame
// and reports false when it has no room for it.
type Punter interface {
	Punt(port uint16, f *frame.Frame, now int64) bool
}
