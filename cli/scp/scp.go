// Package scp is the SCP protocol, that of the program scp before OpenSSH 9 and
// of scp -O since: what one end says to "scp -t" (it sends, the other takes) or
// "scp -f" (it takes) at the other.
//
//	sender                        receiver
//	                         ◀──  0                ready
//	C0600 SIZE NAME\n        ──▶
//	                         ◀──  0                or 1 TEXT\n: not this one
//	SIZE bytes, 0            ──▶
//	                         ◀──  0
//	D0700 0 NAME\n … E\n     ──▶                   a directory, answered likewise
//
// There is no RFC; the protocol is what programs do. Everything that is read has
// a bound: a line maxLine bytes, a file the size that was said of it, and
// directories are maxDepth deep.
//
// Serve is the switch's end, over files.View; Conn is for both.
package scp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"trunkline/cli/location"
)

// Bounds of what the other end says.
const (
	maxLine  = 1024
	maxDepth = 8
	// maxSize is the size of the largest file, in bytes: 2⁵³, beyond any file
	// system here.
	maxSize = 1 << 53
)

// Kind is what a control record announces.
type Kind byte

// Kinds of records.
const (
	File  Kind = 'C'
	Dir   Kind = 'D'
	End   Kind = 'E' // of a directory
	Times Kind = 'T' // of what follows
)

// Record is one control record.
type Record struct {
	Kind Kind
	Size int64  // of a file, in bytes
	Name string // of a file or directory: one part of a path
}

// errRecord is what the other end says that is no record.
var errRecord = errors.New("scp: protocol error")

// Parse reads a record without its newline.
func Parse(line string) (Record, error) {
	if line == "" || len(line) > maxLine {
		return Record{}, errRecord
	}
	r := Record{Kind: Kind(line[0])}
	fields := strings.SplitN(line[1:], " ", 3)
	switch r.Kind {
	case End:
		if line != "E" {
			return Record{}, errRecord
		}
		return r, nil
	case Times:
		return r, nil // no file system here keeps them
	case File, Dir:
	default:
		return Record{}, errRecord
	}
	if len(fields) != 3 || !octal(fields[0]) {
		return Record{}, errRecord
	}
	size, err := strconv.ParseUint(fields[1], 10, 63)
	if err != nil || size > maxSize || !validName(fields[2]) {
		return Record{}, errRecord
	}
	if r.Name = fields[2]; r.Kind == File {
		r.Size = int64(size)
	}
	return r, nil
}

func octal(s string) bool {
	_, err := strconv.ParseUint(s, 8, 16)
	return err == nil
}

// validName reports whether a name is one part of a path, and printable.
func validName(name string) bool {
	return name != "" && name != "." && name != ".." &&
		strings.IndexFunc(name, func(r rune) bool { return r == '/' || unicode.IsControl(r) }) < 0
}

// String is the record's line without its newline.
func (r Record) String() string {
	switch r.Kind {
	case File:
		return fmt.Sprintf("C0600 %d %s", r.Size, r.Name)
	case Dir:
		return "D0700 0 " + r.Name
	}
	return string(r.Kind)
}

// Refused is what the other end says of one file that it does not take or give.
// The conversation goes on.
type Refused string

func (r Refused) Error() string { return string(r) }

// Conn is one end of a conversation. It belongs to one goroutine.
type Conn struct {
	in  *bufio.Reader
	out io.Writer
}

// NewConn talks over a stream.
func NewConn(in io.Reader, out io.Writer) *Conn {
	return &Conn{bufio.NewReaderSize(in, 32<<10), out}
}

// OK says that the other end may go on.
func (c *Conn) OK() error { return c.write("\x00") }

// Refuse says why one file is not taken or given.
func (c *Conn) Refuse(reason string) error {
	reason = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, reason)
	return c.write("\x01scp: " + reason[:min(len(reason), maxLine/2)] + "\n")
}

func (c *Conn) write(text string) error {
	if _, err := io.WriteString(c.out, text); err != nil {
		return fmt.Errorf("scp: %w", err)
	}
	return nil
}

// line reads up to a newline, which it leaves out.
func (c *Conn) line() (string, error) {
	var line []byte
	for {
		b, err := c.in.ReadByte()
		switch {
		case err != nil:
			return "", unexpected(err)
		case b == '\n':
			return string(line), nil
		case len(line) == maxLine:
			return "", errRecord
		}
		line = append(line, b)
	}
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("scp: %w", err)
}

// Answer reads what the other end says to what it was sent: nil, Refused, or an
// error that ends the conversation.
func (c *Conn) Answer() error {
	b, err := c.in.ReadByte()
	if err != nil {
		return unexpected(err)
	}
	if b == 0 {
		return nil
	}
	return c.complaint(b)
}

// complaint reads the rest of a refusal, whose first byte was b.
func (c *Conn) complaint(b byte) error {
	if b != 1 && b != 2 {
		return errRecord
	}
	text, err := c.line()
	if err != nil {
		return err
	}
	text = strings.TrimPrefix(location.Printable(text), "scp: ")
	if b == 2 {
		return fmt.Errorf("scp: %s", text)
	}
	return Refused(text)
}

// Next reads the next record; io.EOF is the end of the conversation, Refused is
// of a file that the sender cannot give.
func (c *Conn) Next() (Record, error) {
	b, err := c.in.ReadByte()
	switch {
	case errors.Is(err, io.EOF):
		return Record{}, io.EOF
	case err != nil:
		return Record{}, unexpected(err)
	case b == 1 || b == 2:
		return Record{}, c.complaint(b)
	}
	if err := c.in.UnreadByte(); err != nil {
		return Record{}, unexpected(err)
	}
	line, err := c.line()
	if err != nil {
		return Record{}, err
	}
	return Parse(line)
}

// Send sends a file of so many bytes. Once its record has been taken, an error of
// r ends the conversation: its bytes are owed.
func (c *Conn) Send(name string, size int64, r io.Reader) error {
	if err := c.Announce(Record{Kind: File, Size: size, Name: name}); err != nil {
		return err
	}
	if _, err := io.CopyN(c.out, r, size); err != nil {
		return fmt.Errorf("scp: send %s: %w", name, err)
	}
	if err := c.OK(); err != nil {
		return err
	}
	return c.Answer()
}

// Announce sends a record and reads the answer.
func (c *Conn) Announce(r Record) error {
	if err := c.write(r.String() + "\n"); err != nil {
		return err
	}
	return c.Answer()
}

// Receive takes the bytes of a file that was announced and allowed, and what the
// sender says of them. An error of w is returned as refused when all have been
// taken; what else is wrong ends the conversation.
func (c *Conn) Receive(r Record, w io.Writer) (refused, err error) {
	body := io.LimitReader(c.in, r.Size)
	if _, refused = io.Copy(&kept{w: w}, body); refused != nil {
		// What is left, whoever failed: a connection that did will again.
		if _, err := io.Copy(io.Discard, body); err != nil {
			return nil, unexpected(err)
		}
	}
	if l := body.(*io.LimitedReader); l.N > 0 {
		return nil, unexpected(io.EOF)
	}
	err = c.Answer()
	if said := Refused(""); errors.As(err, &said) {
		return said, nil
	}
	return refused, err
}

// kept is a writer without the shortcuts of what it writes to.
type kept struct{ w io.Writer }

func (k *kept) Write(p []byte) (int, error) { return k.w.Write(p) }
