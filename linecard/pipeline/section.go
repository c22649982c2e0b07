package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxSection bounds a program section in bytes: the largest card's program is
// some hundred kilobytes.
const maxSection = 16 << 20

// Section decodes a program section. It is strict: unknown fields, trailing
// bytes and sections above 16 MiB are errors, since a field that is not
// understood is a setting that would not take effect.
func Section[P any](section []byte) (P, error) {
	var p P
	if len(section) > maxSection {
		return p, fmt.Errorf("decode: %d bytes are more than %d", len(section), maxSection)
	}
	d := json.NewDecoder(bytes.NewReader(section))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return p, fmt.Errorf("decode: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return p, errors.New("decode: bytes after the end")
	}
	return p, nil
}
