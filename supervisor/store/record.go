package store

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"trunkline/config"
)

const (
	pieceSize  = 1 << 20 // etcd takes requests of up to 1.5 MB
	maxPieces  = 1 << 10
	maxConfig  = 256 << 20 // bound of what a header may announce
	headFormat = 1
)

// head is the header of a record. It is stored as one line of JSON, after a
// line with the checksum of that JSON in hexadecimal.
type head struct {
	Format     int       `json:"format"`
	Generation uint64    `json:"generation"`
	At         time.Time `json:"at"`
	User       string    `json:"user,omitempty"`
	From       string    `json:"from,omitempty"`
	Line       string    `json:"line,omitempty"`
	Method     string    `json:"method,omitempty"`
	// Of a checkpoint:
	Description string `json:"description,omitempty"`
	// Of a pending confirmed commit:
	Trial    string    `json:"trial,omitempty"`
	Deadline time.Time `json:"deadline,omitzero"`
	Size     int       `json:"size"`   // of the configuration, in bytes
	Sum      string    `json:"sha256"` // of the configuration
	Set      string    `json:"set"`    // of the pieces
	Pieces   int       `json:"pieces"`
	Packed   int       `json:"packed,omitempty"` // bytes of the pieces
}

// encode returns the header and the pieces of a record. A trial's id and deadline
// are those of on, which may be nil.
func encode(r config.Record, set string, on *config.Trial) (header []byte, pieces [][]byte, err error) {
	if len(r.Config) > maxConfig {
		return nil, nil, fmt.Errorf("store: a configuration of %d bytes is larger than %d", len(r.Config), maxConfig)
	}
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestSpeed)
	if err != nil {
		return nil, nil, fmt.Errorf("store: compress: %w", err)
	}
	_, err = w.Write(r.Config)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, nil, fmt.Errorf("store: compress: %w", err)
	}
	for rest := packed.Bytes(); len(rest) > 0; {
		n := min(len(rest), pieceSize)
		pieces = append(pieces, rest[:n])
		rest = rest[n:]
	}
	h := head{Format: headFormat, Generation: r.Generation, At: r.At.UTC(), User: r.User, From: r.From, Line: r.Line,
		Method: string(r.Method), Description: r.Description,
		Size: len(r.Config), Sum: sum(r.Config), Set: set, Pieces: len(pieces), Packed: packed.Len()}
	if on != nil {
		h.Trial, h.Deadline = on.ID, on.Deadline.UTC()
	}
	text, err := json.Marshal(h)
	if err != nil {
		return nil, nil, fmt.Errorf("store: encode header: %w", err)
	}
	return []byte(sum(text) + "\n" + string(text)), pieces, nil
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// decodeHead reads a header.
func decodeHead(b []byte) (head, error) {
	var h head
	check, text, ok := bytes.Cut(b, []byte("\n"))
	if !ok || string(check) != sum(text) {
		return h, errors.New("the checksum of its header differs")
	}
	if err := json.Unmarshal(text, &h); err != nil {
		return h, fmt.Errorf("its header is not JSON: %w", err)
	}
	switch {
	case h.Format != headFormat:
		return h, fmt.Errorf("its format %d is not known to this version", h.Format)
	case h.Pieces < 0 || h.Pieces > maxPieces || h.Size < 0 || h.Size > maxConfig || h.Packed < 0 || h.Packed > maxPieces*pieceSize:
		return h, errors.New("its header announces an impossible size")
	}
	return h, nil
}

// decode puts the pieces of a record together.
func decode(h head, pieces [][]byte) (*config.Record, error) {
	readers := make([]io.Reader, len(pieces))
	for i, p := range pieces {
		readers[i] = bytes.NewReader(p)
	}
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(io.MultiReader(readers...)), int64(h.Size)+1))
	if err != nil {
		return nil, fmt.Errorf("its pieces do not unpack: %w", err)
	}
	if len(text) != h.Size || sum(text) != h.Sum {
		return nil, errors.New("the checksum of its configuration differs")
	}
	r := h.record()
	r.Config = text
	return &r, nil
}

// record returns what a header says of its record.
func (h head) record() config.Record {
	return config.Record{
		Generation: h.Generation, At: h.At, Description: h.Description, Size: h.Size,
		Meta: config.Meta{User: h.User, From: h.From, Line: h.Line, Method: config.Method(h.Method)},
	}
}
