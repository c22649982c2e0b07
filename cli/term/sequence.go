package term

import "strings"

// sequence makes of the bytes of a keyboard what the line editor bears. It takes
// out NUL, which the editor takes for the end of its input, and of escape
// sequences (ECMA-48 §5.4) all but those of keys that the editor knows, which
// come in one piece: so every key that can end a line is one to the editor, and
// never part of a sequence. Ctrl-D becomes leave, which tells it from the Delete
// key.
type sequence struct {
	begun [maxSequence]byte // of a sequence, from ESC
	n     int               // bytes of it; more than fit are counted up to one
}

// maxSequence is the longest that a sequence of a key is, in bytes, and more.
const maxSequence = 16

// leave is Ctrl-D for the line editor; the key that has this code does nothing.
const leave = 0x1c

// ends are the keys that end a line, unless they follow Ctrl-V or, as Ctrl-D,
// stand in one.
const ends = "\r\n\x03\x1a\x1c"

// sane returns what comes of bytes.
func (s *sequence) sane(b []byte) []byte {
	kept := make([]byte, 0, len(b)+maxSequence)
	for _, c := range b {
		kept = append(kept, s.next(c)...)
	}
	return kept
}

// next returns what a byte completes.
func (s *sequence) next(c byte) []byte {
	switch {
	case c == 0 || c == leave:
		return nil
	case c == esc:
		s.n = 0
		s.add(c)
		return nil
	case s.n == 0 || c < ' ' || c > del || c == del && s.n > 1: // a sequence that was begun is none
		s.n = 0
		if c == ctrlD {
			c = leave
		}
		return []byte{c}
	}
	s.add(c)
	if s.n == 2 && (c == '[' || c == 'O') || s.n > 2 && c < '@' {
		return nil
	}
	all := s.begun[:min(s.n, maxSequence)]
	n, known := s.n, s.n <= maxSequence && keySequence(string(all))
	s.n = 0
	switch {
	case known:
		return append([]byte(nil), all...)
	case n == 2: // ESC before a key without a meaning of its own
		return []byte{c}
	}
	return nil
}

func (s *sequence) add(c byte) {
	if s.n < maxSequence {
		s.begun[s.n] = c
	}
	s.n = min(s.n+1, maxSequence+1)
}

// keySequence reports whether a sequence is that of a key of cli.md §5, of Home,
// End or Delete.
func keySequence(text string) bool {
	switch text[1:] {
	case "b", "f", "d", "\x7f", "[3~":
		return true
	}
	last := len(text) - 1
	return last > 1 && strings.IndexByte("ABCDFH", text[last]) >= 0 && strings.Trim(text[2:last], "0123456789;") == ""
}
