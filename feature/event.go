package feature

import (
	"fmt"
	"time"
)

// Severity of an event, as in syslog (RFC 5424 §6.2.1).
type Severity uint8

// Severities.
const (
	Emergency Severity = iota
	Alert
	Critical
	Err
	Warning
	Notice
	Informational
	Debugging
)

// Event is one message of the catalogue of cli.md §14.
type Event struct {
	At       time.Time // zero: now
	Facility string    // "ETHPORT"
	Severity Severity
	Mnemonic string // "IF_UP"
	Text     string // one line
}

// Name is how the message is known: "%ETHPORT-5-IF_UP".
func (e Event) Name() string { return fmt.Sprintf("%%%s-%d-%s", e.Facility, e.Severity, e.Mnemonic) }

// EventLog takes events. It never blocks and may be called from any goroutine.
type EventLog interface{ Log(Event) }

// Messages is the log file as commands see it.
type Messages interface {
	// Lines returns its lines, oldest first; nobody changes them.
	Lines() []string
	Clear()
}
