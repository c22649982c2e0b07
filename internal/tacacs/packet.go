// Package tacacs is the client's side of TACACS+ (RFC 8907): packets, and sessions
// of authentication, authorization and accounting with a server.
//
// What goes over the wire is hidden by MD5 and a shared secret, and nothing proves
// that it was not changed (RFC 8907 §10.1): the protocol wants a network that is
// trusted, as its text says itself. Servers are not trusted further than that: a
// body is at most MaxBody bytes, an answer that does not fit together or is not
// hidden is no answer, a session takes a few packets, and each has its time.
package tacacs

import (
	"crypto/md5" //nolint:gosec // of the protocol
	"encoding/binary"
	"errors"
)

// Kind is that of a packet (RFC 8907 §4.1).
type Kind uint8

// Kinds.
const (
	Authentication Kind = 1
	Authorization  Kind = 2
	Accounting     Kind = 3
)

// MaxBody bounds the body of a packet, in bytes. The longest message of a server
// fits; all arguments that an answer could have would not.
const MaxBody = 64 << 10

// Layout and flags of headers (RFC 8907 §4.1).
const (
	headerSize = 12
	major      = 0xc0

	minorDefault = 0
	minorOne     = 1 // of PAP (RFC 8907 §5.4.1)

	flagUnencrypted = 0x01
	flagSingle      = 0x04
)

// ErrPacket is the answer to bytes that are no packet, or one of another secret.
var ErrPacket = errors.New("not a TACACS+ packet, or of another secret")

// header is that of a packet.
type header struct {
	minor   uint8
	kind    Kind
	seq     uint8
	flags   uint8
	session uint32
	length  int
}

func (h header) encode() []byte {
	b := make([]byte, headerSize)
	b[0], b[1], b[2], b[3] = major|h.minor, byte(h.kind), h.seq, h.flags
	binary.BigEndian.PutUint32(b[4:], h.session)
	binary.BigEndian.PutUint32(b[8:], uint32(h.length))
	return b
}

// parseHeader reads a header of headerSize bytes.
func parseHeader(b []byte) (header, error) {
	length := binary.BigEndian.Uint32(b[8:])
	if b[0]&0xf0 != major || length > MaxBody {
		return header{}, ErrPacket
	}
	return header{
		minor: b[0] & 0x0f, kind: Kind(b[1]), seq: b[2], flags: b[3],
		session: binary.BigEndian.Uint32(b[4:]), length: int(length),
	}, nil
}

// hide hides a body in place, or shows one that is hidden (RFC 8907 §4.5).
func (h header) hide(body []byte, secret string) {
	base := binary.BigEndian.AppendUint32(nil, h.session)
	base = append(base, secret...)
	base = append(base, major|h.minor, h.seq)
	var pad []byte
	for i := range body {
		if i%md5.Size == 0 {
			sum := md5.Sum(append(base[:len(base):len(base)], pad...)) //nolint:gosec // of the protocol
			pad = sum[:]
		}
		body[i] ^= pad[i%md5.Size]
	}
}

// fields reads the parts of a body.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) take(n int) []byte {
	if f.bad || n > len(f.rest) {
		f.bad = true
		return make([]byte, n)
	}
	b := f.rest[:n]
	f.rest = f.rest[n:]
	return b
}

func (f *fields) byte() uint8       { return f.take(1)[0] }
func (f *fields) length() int       { return int(binary.BigEndian.Uint16(f.take(2))) }
func (f *fields) text(n int) string { return string(f.take(n)) }

// end is ErrPacket unless everything fitted and nothing is left.
func (f *fields) end() error {
	if f.bad || len(f.rest) > 0 {
		return ErrPacket
	}
	return nil
}

// Statuses of answers (RFC 8907 §5.2, §6.2, §7.2).
const (
	authenPass    = 0x01
	authenFail    = 0x02
	authenGetData = 0x03
	authenGetUser = 0x04
	authenGetPass = 0x05
	authenRestart = 0x06
	authenError   = 0x07
	authenFollow  = 0x21

	authorPassAdd  = 0x01
	authorPassRepl = 0x02
	authorFail     = 0x10
	authorError    = 0x11
	authorFollow   = 0x21

	acctSuccess = 0x01
)

// authenReply is the body of an answer to a login.
type authenReply struct {
	status, flags uint8
	message, data string
}

func parseAuthenReply(b []byte) (authenReply, error) {
	f := fields{rest: b}
	r := authenReply{status: f.byte(), flags: f.byte()}
	message, data := f.length(), f.length()
	r.message, r.data = f.text(message), f.text(data)
	return r, f.end()
}

func (r authenReply) encode() []byte {
	b := []byte{r.status, r.flags}
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.message)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.data)))
	return append(append(b, r.message...), r.data...)
}

// authorReply is the body of an answer to a question for rights.
type authorReply struct {
	status        uint8
	message, data string
	args          []string
}

func parseAuthorReply(b []byte) (authorReply, error) {
	f := fields{rest: b}
	r := authorReply{status: f.byte()}
	lengths := make([]int, f.byte())
	message, data := f.length(), f.length()
	for i := range lengths {
		lengths[i] = int(f.byte())
	}
	r.message, r.data = f.text(message), f.text(data)
	for _, n := range lengths {
		if f.bad {
			break
		}
		r.args = append(r.args, f.text(n))
	}
	return r, f.end()
}

func (r authorReply) encode() []byte {
	b := []byte{r.status, uint8(len(r.args))}
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.message)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.data)))
	for _, a := range r.args {
		b = append(b, uint8(len(a)))
	}
	b = append(append(b, r.message...), r.data...)
	for _, a := range r.args {
		b = append(b, a...)
	}
	return b
}

// acctReply is the body of an answer to a record.
type acctReply struct {
	status        uint8
	message, data string
}

func parseAcctReply(b []byte) (acctReply, error) {
	f := fields{rest: b}
	message, data := f.length(), f.length()
	r := acctReply{status: f.byte()}
	r.message, r.data = f.text(message), f.text(data)
	return r, f.end()
}

func (r acctReply) encode() []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(r.message)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.data)))
	b = append(b, r.status)
	return append(append(b, r.message...), r.data...)
}
