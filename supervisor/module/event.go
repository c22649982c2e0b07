package module

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Event is what an operator should read in the log of the switch.
type Event struct {
	At       time.Time
	Severity int    // 0 to 7
	Mnemonic string // "MOD_ONLINE"
	Slot     int    // 0 for none
	Text     string // "Module 3 is online"
}

// Facility of all events of this package.
const Facility = "VEM_MGR"

func (e Event) String() string {
	return fmt.Sprintf("%%%s-%d-%s: %s", Facility, e.Severity, e.Mnemonic, e.Text)
}

// Mnemonics and severities (cli.md §14).
const (
	evDetected    = "VEM_MGR_DETECTED"
	evOnline      = "MOD_ONLINE"
	evOffline     = "MOD_OFFLINE"
	evSilent      = "VEM_MGR_HB_MISSED"
	evHeard       = "VEM_MGR_HB_RESUMED"
	evLost        = "VEM_MGR_REMOVE_NO_HB"
	evConflict    = "VEM_MGR_REMOVE_STATE_CONFLICT"
	evRefused     = "VEM_MGR_REFUSED"
	evProgram     = "VEM_MGR_PROGRAM_REFUSED"
	evHost        = "VEM_MGR_UPDATE_HOST"
	evUnsupported = "VEM_MGR_UNSUPPORTED"

	critical = 2
	notice   = 5
)

func (m *Manager) event(severity int, mnemonic string, slot int, format string, args ...any) {
	e := Event{At: time.Now(), Severity: severity, Mnemonic: mnemonic, Slot: slot, Text: fmt.Sprintf(format, args...)}
	m.cfg.Log.Info("module event", "mnemonic", mnemonic, "slot", slot, "text", e.Text)
	m.cfg.Event(e)
}

// shown makes text from a card fit to be shown: printable and short.
func shown(s string, length int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '.'
	}, strings.ToValidUTF8(s, "."))
	if r := []rune(s); len(r) > length {
		return string(r[:length])
	}
	return s
}
