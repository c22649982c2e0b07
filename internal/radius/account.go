package radius

import (
	"crypto/md5" //nolint:gosec // of the protocol
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// Attributes of accounting (RFC 2866 §5, RFC 2869 §5.3, §5.17).
const (
	AcctStatusType     Type = 40
	AcctSessionID      Type = 44
	AcctSessionTime    Type = 46
	AcctTerminateCause Type = 49
	EventTimestamp     Type = 55
	NASPortID          Type = 87
)

// Status is what a record is of (RFC 2866 §5.1).
type Status uint32

// Statuses.
const (
	Start  Status = 1
	Stop   Status = 2
	Update Status = 3
)

// userRequest is why a session ends that its user ended (RFC 2866 §5.10).
const userRequest = 1

// Record is what accounting notes of a session.
type Record struct {
	Status  Status
	User    string
	Session string // its name, of 1 to 253 bytes
	// NAS names the client; Port the line that the user is at, From where he
	// comes from, "" for nowhere.
	NAS, Port, From string
	At              time.Time
	Took            time.Duration // of a Stop
	// Pairs are Cisco's attributes; a longer one goes on in further ones.
	Pairs []string
}

// maxPair is the longest value of Cisco's attribute, in bytes.
const maxPair = maxValue - 6

// ErrRecord is the answer to a record that no packet can say: it has no user or no
// session, or is too long.
var ErrRecord = errors.New("no RADIUS accounting record")

// Request is the record as a packet (RFC 2866 §3). The error is ErrRecord.
func (r Record) Request(secret string) (*Packet, error) {
	if r.User == "" || r.Session == "" {
		return nil, fmt.Errorf("%w: it has a user and a session", ErrRecord)
	}
	p := &Packet{Code: AccountingRequest}
	var id [1]byte
	rand.Read(id[:]) // never fails
	p.ID = id[0]
	number := func(t Type, n uint32) {
		p.Attributes = append(p.Attributes, Attribute{t, binary.BigEndian.AppendUint32(nil, n)})
	}
	number(AcctStatusType, uint32(r.Status))
	for _, a := range []struct {
		t    Type
		text string
	}{{AcctSessionID, r.Session}, {UserName, r.User}, {NASIdentifier, r.NAS}, {NASPortID, r.Port}, {CallingStationID, r.From}} {
		if a.text != "" {
			p.Add(a.t, a.text)
		}
	}
	number(EventTimestamp, uint32(r.At.Unix()))
	if r.Status == Stop {
		number(AcctSessionTime, uint32(r.Took/time.Second))
		number(AcctTerminateCause, userRequest)
	}
	for _, pair := range r.Pairs {
		for pair != "" {
			n := min(len(pair), maxPair)
			for n > 1 && n < len(pair) && !utf8.RuneStart(pair[n]) {
				n--
			}
			v := binary.BigEndian.AppendUint32(nil, cisco)
			v = append(append(v, ciscoAVPair, byte(n+2)), pair[:n]...)
			p.Attributes = append(p.Attributes, Attribute{VendorSpecific, v})
			pair = pair[n:]
		}
	}
	b, err := p.Encode()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	p.Authenticator = md5.Sum(append(b, secret...)) //nolint:gosec // of the protocol
	return p, nil
}
