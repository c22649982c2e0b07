package linecard

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	hosting "trunkline/feature/module/dataplane"
	"trunkline/internal/cores"
)

// hostFile keeps what the program says of the card's next start.
const hostFile = "host.json"

// Datapath is how a card drives interfaces, and on which cores.
type Datapath struct {
	Driver string // "auto", "packet" or "xdp"; "" for auto
	Cores  []int  // of the workers, one each; nil for no cores of their own
}

// String is what show commands print of it.
func (d Datapath) String() string {
	s := d.Driver
	if s == "" {
		s = "auto"
	}
	if len(d.Cores) > 0 {
		s += " cores " + cores.Format(d.Cores)
	}
	return s
}

// datapath returns what a card that starts now is to do: what its own
// configuration says, and beyond that what the last program said.
func datapath(cfg Config) (Datapath, error) {
	d := cfg.Datapath
	if d.Driver != "" && len(d.Cores) > 0 {
		return d, nil
	}
	section, err := os.ReadFile(filepath.Join(cfg.StateDir, hostFile))
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err != nil {
		return d, fmt.Errorf("read the datapath of the last program: %w", err)
	}
	p, err := hosting.Decode(section)
	if err != nil {
		return d, fmt.Errorf("read the datapath of the last program: %s: %w", hostFile, err)
	}
	if d.Driver == "" {
		d.Driver = p.Driver
	}
	if len(d.Cores) == 0 {
		d.Cores = p.Cores
	}
	return d, nil
}

// keepHost stores the section module for the next start; nil forgets it.
func (c *Card) keepHost(section []byte) error {
	path := filepath.Join(c.cfg.StateDir, hostFile)
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keep datapath: %w", err)
	}
	if section == nil {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("keep datapath: %w", err)
		}
		return nil
	}
	p, err := hosting.Decode(section)
	if err != nil {
		return fmt.Errorf("section %s: %w", hosting.Component.Name, err)
	}
	b, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("keep datapath: %w", err)
	}
	if string(b) == string(old) {
		return nil
	}
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return fmt.Errorf("keep datapath: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("keep datapath: %w", err)
	}
	return nil
}
