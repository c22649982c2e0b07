package session

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"trunkline/cli/location"
	"trunkline/config/schema"
	"trunkline/feature"
	"trunkline/internal/flash"
)

// Places of copy (cli.md §6, §7.1): files of this switch, and URLs of files on
// other machines.

// placeTypes are the types of what copy reads and of what it and redirections
// write: names of files and, where the product reaches other machines, URLs. With
// asks the parts of a URL may be left out that are asked for then.
func (c *CLI) placeTypes(asks bool) (from, to schema.Type[string]) {
	from, to = fileType, fileType
	if c.product.Transfer == nil {
		return from, to
	}
	from.Syntax.Help = "File name: bootflash:F, volatile:F or F; or a URL of scp:, sftp:, http: or https:"
	to.Syntax.Help = "File name: bootflash:F, volatile:F or F; or a URL of scp: or sftp:"
	place := func(writes bool) func(string) (string, error) {
		return func(s string) (string, error) {
			if _, ok := partialURL(s); ok && asks {
				return s, nil
			}
			if !location.Is(s) {
				return fileType.Parse(s)
			}
			u, err := location.Parse(s)
			if err == nil && writes && !u.Writable() {
				err = location.Error("Files cannot be written by " + u.Scheme)
			}
			if err != nil {
				return "", &schema.SyntaxError{Text: strings.TrimPrefix(err.Error(), "ERROR: ")}
			}
			return s, nil
		}
	}
	from.Name, from.Parse = "source", place(false)
	to.Name, to.Parse = "destination", place(true)
	return from, to
}

// filePlace is what a name on a line means.
type filePlace struct {
	file    string // full name; "" for a URL
	url     location.URL
	partial bool // the URL has parts left out
}

func (p filePlace) String() string {
	if p.file == "" {
		return p.url.String()
	}
	return p.file
}

// placeOf is what a placeholder names.
func (r *request) placeOf(placeholder string) filePlace {
	text, _ := r.match.Values[placeholder].(string)
	return r.place(text)
}

func (r *request) place(text string) filePlace {
	if u, ok := partialURL(text); ok && r.cli.product.Transfer != nil {
		return filePlace{url: u, partial: true}
	}
	if location.Is(text) {
		if u, err := location.Parse(text); err == nil { // as when it was matched
			return filePlace{url: u}
		}
	}
	return filePlace{file: r.file(text)}
}

// vrfWords are the VRFs that a line may name, with what they mean.
var vrfWords = schema.Words{"management": "From mgmt0", "default": "As the routes of the machine lead"}

// vrf is the VRF that the line names, "" for none.
func (r *request) vrf() string {
	if r.askedVRF != "" {
		return r.askedVRF
	}
	for word := range vrfWords {
		if r.args().Has(word) {
			return word
		}
	}
	return ""
}

// errVRF is the answer to a VRF where nothing leaves the switch.
const errVRF = feature.Error("ERROR: A VRF is for URLs only.")

// local refuses a VRF where both ends of a copy are here.
func (r *request) local(places ...filePlace) error {
	for _, p := range places {
		if p.file == "" {
			return nil
		}
	}
	if r.vrf() != "" {
		return errVRF
	}
	return nil
}

// operator is who waits for a transfer, and sees its progress.
func (r *request) operator(b *bar) location.Operator {
	who := location.Operator{User: r.opts.Who.User, Say: func(text string) { fmt.Fprintln(r.console, text) }, Moved: b.moved}
	hidden, discreet := r.console.(Discreet)
	if r.opts.Interactive && discreet {
		who.Ask = func(ctx context.Context, question string, secret bool) (string, error) {
			switch {
			case secret:
				return hidden.AskSecret(ctx, question)
			case r.dontAsk && strings.HasSuffix(question, location.Sure): // cli.md §4.3
				return "yes", nil
			}
			return r.console.Ask(ctx, question)
		}
	}
	return who
}

// fetch writes what is at a place to w.
func (r *request) fetch(ctx context.Context, p filePlace, w io.Writer) error {
	if p.file != "" {
		f, err := r.cli.product.Files.Reader(p.file)
		if err != nil {
			return err
		}
		defer f.Close() //nolint:errcheck // opened for reading
		_, err = io.Copy(w, f)
		return err
	}
	b := r.bar()
	err := r.cli.product.Transfer.Get(ctx, p.url, r.vrf(), r.operator(b), w)
	b.end()
	return err
}

// send makes size bytes of what is read the file at a URL.
func (r *request) send(ctx context.Context, to location.URL, from io.Reader, size int64) error {
	b := r.bar()
	err := r.cli.product.Transfer.Put(ctx, to, r.vrf(), r.operator(b), from, size)
	b.end()
	return err
}

// text returns what is at a place, at most limit bytes.
func (r *request) text(ctx context.Context, p filePlace, limit int) ([]byte, error) {
	if p.file != "" {
		return r.cli.product.Files.Read(p.file, int64(limit))
	}
	b := &bounded{limit: limit, of: p}
	err := r.fetch(ctx, p, b)
	return b.Bytes(), err
}

// bounded keeps what is written to it, up to a limit in bytes.
type bounded struct {
	bytes.Buffer
	limit int
	of    filePlace
}

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.limit {
		return 0, flash.Error(fmt.Sprintf("File exceeds %d bytes: %s", b.limit, b.of))
	}
	return b.Buffer.Write(p)
}

// store makes data the file at a place, which takes a name where it is a directory.
func (r *request) store(ctx context.Context, p filePlace, name string, data []byte) error {
	if p.file != "" {
		return r.cli.product.Files.Write(r.cli.product.Files.Target(flash.Boot+name, p.file), data)
	}
	return r.send(ctx, p.url.With(name), bytes.NewReader(data), int64(len(data)))
}

// bar is a transfer's progress on a terminal: a mark for every 1/barWidth of it.
type bar struct {
	r     *request
	drawn int // marks, -1 before it has begun
}

const barWidth = 40

func (r *request) bar() *bar { return &bar{r: r, drawn: -1} }

func (b *bar) moved(done, total int64) {
	if total <= 0 || !b.r.opts.Interactive {
		return
	}
	if b.drawn < 0 {
		io.WriteString(b.r.console, "[")
		b.drawn = 0
	}
	if n := int(float64(barWidth) * float64(min(done, total)) / float64(total)); n > b.drawn {
		io.WriteString(b.r.console, strings.Repeat("#", n-b.drawn))
		b.drawn = n
	}
}

// end ends the line.
func (b *bar) end() {
	switch b.drawn {
	case -1:
	case barWidth:
		io.WriteString(b.r.console, "] 100%\n")
	default:
		io.WriteString(b.r.console, "\n")
	}
}
