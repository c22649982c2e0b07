package remote

// cleaner takes out of what commands print what a terminal would obey: control
// characters other than tab and newline, also those of ISO 6429 above ASCII in
// UTF-8. What others have chosen (file names, lines of the accounting log, texts
// of files) cannot move the cursor of who looks at it, or type for him. The size
// stays. A cleaner serves one stream of text.
type cleaner struct{ last byte }

// clean returns p itself where nothing is to be taken out.
func (c *cleaner) clean(p []byte) []byte {
	const first = 0xc2 // of two bytes of a control character above ASCII
	out, last := p, c.last
	for i, b := range p {
		by := b
		switch {
		case b == '\r':
			by = ' '
		case b < ' ' && b != '\n' && b != '\t', b == 0x7f, last == first && b >= 0x80 && b < 0xa0:
			by = '?'
		}
		last = b
		if by == b {
			continue
		}
		if &out[0] == &p[0] { // p is the caller's
			out = append([]byte(nil), p...)
		}
		out[i] = by
		if b >= 0x80 && i > 0 {
			out[i-1] = '?'
		}
	}
	c.last = last
	return out
}

func cleaned(text string) []byte { return (&cleaner{}).clean([]byte(text)) }
