package syslog

import (
	"fmt"
	"strconv"
	"strings"

	"trunkline/feature"
	"trunkline/feature/logging"
)

// Limits of RFC 5424 §6 on the fields of a header, in bytes.
const (
	maxAppName = 48
	maxMsgID   = 32
	maxHost    = 255
)

// bom begins a text that is UTF-8 and not just ASCII (RFC 5424 §6.4).
const bom = "\ufeff"

// form returns a message to a server in the form that it is sent in, without the
// framing of the transport. TLS carries only that of RFC 5424 (RFC 5425 §4.3).
func form(e feature.Event, to logging.Server, s *logging.Settings) []byte {
	at := e.At.In(s.Zone)
	priority := int(to.Facility)*8 + int(e.Severity)
	text := logging.Clean(e.Name() + ": " + e.Text)
	if !s.Strict && to.Transport.Kind != logging.Secure {
		// RFC 3164 §4.1: the time is that of the clock on the wall.
		return fmt.Appendf(nil, "<%d>%s %s %s", priority, at.Format("Jan _2 15:04:05"), field(s.Hostname, maxHost), text)
	}
	if !ascii(text) {
		text = bom + text
	}
	return fmt.Appendf(nil, "<%d>1 %s %s %s - %s - %s", priority, at.Format("2006-01-02T15:04:05.000000Z07:00"),
		field(s.Hostname, maxHost), field(e.Facility, maxAppName), field(e.Mnemonic, maxMsgID), text)
}

// field makes a text fit for a field of a header: printable ASCII without
// blanks, "-" for nothing.
func field(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f {
			return -1
		}
		return r
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), limit)]
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// frame puts a message into the frame of its transport: a datagram is one as it
// is, a stream has octets counted (RFC 6587 §3.4.1, RFC 5425 §4.3.1).
func frame(kind logging.TransportKind, message []byte) []byte {
	if kind == logging.UDP {
		return message
	}
	return append(append(strconv.AppendInt(nil, int64(len(message)), 10), ' '), message...)
}
