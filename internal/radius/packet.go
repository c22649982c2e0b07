// Package radius is the client's side of RADIUS (RFC 2865, RFC 2866): packets, and
// exchanges of one with a server.
//
// Every request carries a Message-Authenticator (RFC 3579 §3.2), and an answer that
// lets somebody in must carry a right one, or anybody between client and server could make
// an Access-Accept of an Access-Reject (CVE-2024-3596, "Blast-RADIUS"); the
// MD5 of RFC 2865 alone is no protection. Servers are not trusted: a packet is at
// most MaxPacket bytes, and what does not fit together is no packet.
package radius

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // of the protocol
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"errors"
)

// Code is the kind of a packet (RFC 2865 §4, RFC 2866 §4).
type Code uint8

// Codes.
const (
	AccessRequest      Code = 1
	AccessAccept       Code = 2
	AccessReject       Code = 3
	AccountingRequest  Code = 4
	AccountingResponse Code = 5
	AccessChallenge    Code = 11
)

// Type is that of an attribute (RFC 2865 §5, RFC 2866 §5, RFC 2869 §5).
type Type uint8

// Types.
const (
	UserName             Type = 1
	UserPassword         Type = 2
	NASIPAddress         Type = 4
	NASPort              Type = 5
	ServiceType          Type = 6
	ReplyMessage         Type = 18
	VendorSpecific       Type = 26
	CallingStationID     Type = 31
	NASIdentifier        Type = 32
	MessageAuthenticator Type = 80
)

// Limits of packets and passwords (RFC 2865 §3, §5.2), in bytes.
const (
	MaxPacket   = 4096
	MaxPassword = 128
	maxValue    = 253

	header    = 20
	authBegin = 4
)

// Attribute is a type and a value of at most 253 bytes.
type Attribute struct {
	Type  Type
	Value []byte
}

// Packet is a request or an answer.
type Packet struct {
	Code          Code
	ID            uint8
	Authenticator [16]byte
	Attributes    []Attribute
}

// ErrPacket is the answer to bytes that are no packet.
var ErrPacket = errors.New("not a RADIUS packet")

// Parse reads a packet. What follows it is padding (RFC 2865 §3).
func Parse(b []byte) (*Packet, error) {
	if len(b) < header || len(b) > MaxPacket {
		return nil, ErrPacket
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if n < header || n > len(b) {
		return nil, ErrPacket
	}
	p := &Packet{Code: Code(b[0]), ID: b[1], Authenticator: [16]byte(b[authBegin:header])}
	for rest := b[header:n]; len(rest) > 0; {
		if len(rest) < 2 || int(rest[1]) < 2 || int(rest[1]) > len(rest) {
			return nil, ErrPacket
		}
		p.Attributes = append(p.Attributes, Attribute{Type(rest[0]), append([]byte(nil), rest[2:rest[1]]...)})
		rest = rest[rest[1]:]
	}
	return p, nil
}

// Encode writes the packet. It is an error if it does not fit.
func (p *Packet) Encode() ([]byte, error) {
	b := make([]byte, header, 256)
	b[0], b[1] = byte(p.Code), p.ID
	copy(b[authBegin:], p.Authenticator[:])
	for _, a := range p.Attributes {
		if len(a.Value) > maxValue {
			return nil, errors.New("an attribute is too long")
		}
		b = append(append(b, byte(a.Type), byte(len(a.Value)+2)), a.Value...)
	}
	if len(b) > MaxPacket {
		return nil, errors.New("the packet is too long")
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return b, nil
}

// Add adds an attribute of text.
func (p *Packet) Add(t Type, text string) {
	p.Attributes = append(p.Attributes, Attribute{t, []byte(text)})
}

// Login returns the request for a login by password (PAP), signed.
func Login(user, password, secret string, more ...Attribute) (*Packet, error) {
	if len(password) > MaxPassword || len(user) > maxValue || user == "" {
		return nil, errors.New("the name or password is too long")
	}
	p := &Packet{Code: AccessRequest}
	var id [1]byte
	rand.Read(id[:]) // never fails
	rand.Read(p.Authenticator[:])
	p.ID = id[0]
	p.Attributes = append(p.Attributes, Attribute{MessageAuthenticator, make([]byte, md5.Size)})
	p.Add(UserName, user)
	p.Attributes = append(p.Attributes, Attribute{UserPassword, hide(password, secret, p.Authenticator)})
	p.Attributes = append(p.Attributes, more...)
	return p, p.sign(secret)
}

// hide is the password as it goes over the wire (RFC 2865 §5.2).
func hide(password, secret string, authenticator [16]byte) []byte {
	out := make([]byte, max(16, (len(password)+15)/16*16))
	copy(out, password)
	before := authenticator[:]
	for i := 0; i < len(out); i += 16 {
		sum := md5.Sum(append([]byte(secret), before...)) //nolint:gosec // of the protocol
		subtle.XORBytes(out[i:i+16], out[i:i+16], sum[:])
		before = out[i : i+16]
	}
	return out
}

// sign fills the Message-Authenticator, the first attribute, in.
func (p *Packet) sign(secret string) error {
	b, err := p.Encode()
	if err != nil {
		return err
	}
	p.Attributes[0].Value = mac(b, secret)
	return nil
}

func mac(b []byte, secret string) []byte {
	h := hmac.New(md5.New, []byte(secret))
	h.Write(b)
	return h.Sum(nil)
}

// Answers reports whether bytes are a genuine answer to the request: of its number,
// with a right authenticator (RFC 2865 §3), and a right Message-Authenticator.
func (p *Packet) Answers(b []byte, secret string) (*Packet, bool) {
	answer, err := Parse(b)
	if err != nil || answer.ID != p.ID {
		return nil, false
	}
	b = append([]byte(nil), b[:binary.BigEndian.Uint16(b[2:])]...)
	copy(b[authBegin:header], p.Authenticator[:])
	sum := md5.Sum(append(append([]byte(nil), b...), secret...)) //nolint:gosec // of the protocol
	if !hmac.Equal(sum[:], answer.Authenticator[:]) {
		return nil, false
	}
	// The Message-Authenticator is over the packet with zeros in its place.
	signed := 0
	for i := header; i < len(b); i += int(b[i+1]) {
		if Type(b[i]) != MessageAuthenticator {
			continue
		}
		if b[i+1] != 2+md5.Size {
			return nil, false
		}
		signed++
		given := append([]byte(nil), b[i+2:i+2+md5.Size]...)
		clear(b[i+2 : i+2+md5.Size])
		if !hmac.Equal(mac(b, secret), given) {
			return nil, false
		}
	}
	// A refusal may lack it, as of servers before 2024: who could forge one could as
	// well keep an answer away. That a record was taken lets nobody in (RFC 2866 §3).
	unsigned := answer.Code == AccessReject || p.Code == AccountingRequest && answer.Code == AccountingResponse
	return answer, signed == 1 || signed == 0 && unsigned
}

const (
	cisco       = 9 // the vendor's number
	ciscoAVPair = 1
)

// AVPairs are the values of Cisco-AVPair attributes.
func (p *Packet) AVPairs() []string {
	var all []string
	for _, a := range p.Attributes {
		if v := a.Value; a.Type == VendorSpecific && len(v) > 4 && binary.BigEndian.Uint32(v) == cisco {
			for v = v[4:]; len(v) >= 2 && int(v[1]) >= 2 && int(v[1]) <= len(v); v = v[v[1]:] {
				if v[0] == ciscoAVPair {
					all = append(all, string(v[2:v[1]]))
				}
			}
		}
	}
	return all
}
