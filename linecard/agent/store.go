package agent

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"google.golang.org/protobuf/proto"

	"trunkline/linecard/api"
)

// store is the card's state directory. Files are written whole, synced, and
// take their name last; what is in them is read within bounds and proved by a
// checksum.
//
//	identity.pem       key, certificate, certificate of the chassis
//	program            in force; program.old is the one before
//	entries            as received
type store struct{ dir string }

const (
	identityFile = "identity.pem"
	programFile  = "program"
	oldProgram   = "program.old"
	entriesFile  = "entries"

	maxFile = 64 << 20 // bytes
)

// A file is the magic, the SHA-256 of the rest, and a protobuf message.
const magic = "trunkline card 1\n"

var errFormat = errors.New("this is no state of a card")

func seal(m proto.Message) ([]byte, error) {
	body, err := proto.Marshal(m)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	return append(append([]byte(magic), sum[:]...), body...), nil
}

func unseal(data []byte, m proto.Message) error {
	rest, ok := bytes.CutPrefix(data, []byte(magic))
	if !ok || len(rest) < sha256.Size {
		return errFormat
	}
	body := rest[sha256.Size:]
	if sha256.Sum256(body) != [sha256.Size]byte(rest) {
		return errors.New("checksum is wrong")
	}
	return proto.Unmarshal(body, m)
}

// program returns the saved program, nil for none. If the newest one cannot be
// read the one before is returned, with what is wrong.
func (s store) program() (*api.Program, []error) {
	var faults []error
	for _, name := range []string{programFile, oldProgram} {
		p := &api.Program{}
		err := s.read(name, p)
		if err == nil {
			return p, faults
		}
		if !errors.Is(err, fs.ErrNotExist) {
			faults = append(faults, err)
		} else if name == programFile {
			break // none was ever saved
		}
	}
	return nil, faults
}

func (s store) saveProgram(p *api.Program) error {
	data, err := seal(p)
	if err != nil {
		return err
	}
	current, old := filepath.Join(s.dir, programFile), filepath.Join(s.dir, oldProgram)
	// Keep the one before, but not in the place of a good one if it is damaged.
	if s.read(programFile, &api.Program{}) == nil {
		if err := os.Remove(old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.Link(current, old); err != nil {
			return err
		}
	}
	return s.replace(programFile, data)
}

func (s store) entries() (*api.Entries, error) {
	e := &api.Entries{}
	if err := s.read(entriesFile, e); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return e, nil
}

func (s store) saveEntries(e *api.Entries) error {
	data, err := seal(e)
	if err != nil {
		return err
	}
	return s.replace(entriesFile, data)
}

func (s store) read(name string, m proto.Message) error {
	data, err := s.bytes(name, maxFile)
	if err == nil {
		err = unseal(data, m)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

func (s store) bytes(name string, limit int64) ([]byte, error) {
	f, err := os.Open(filepath.Join(s.dir, name))
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	if fi, err := f.Stat(); err != nil {
		return nil, err
	} else if fi.Size() > limit {
		return nil, fmt.Errorf("longer than %d bytes", limit)
	}
	return io.ReadAll(io.LimitReader(f, limit))
}

// replace writes a file that only its owner may read, in one step.
func (s store) replace(name string, data []byte) (err error) {
	if len(data) > maxFile {
		return fmt.Errorf("save %s: longer than %d bytes", name, maxFile)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("save %s: %w", name, err)
		}
	}()
	f, err := os.CreateTemp(s.dir, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(s.dir, name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	d, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // opened for reading
	return d.Sync()
}
