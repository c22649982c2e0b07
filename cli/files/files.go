// Package files is the file systems of a supervisor as a user sees them from
// another machine, through SCP and SFTP (cli.md §6).
//
// A path names a file however such a client writes it. "f", "/f", "bootflash:f"
// and "bootflash:///f" are the same file; "volatile:f" is in volatile:. Clients
// put their working directory before what was typed, so a file system that is
// named further on counts from there: "/dir/volatile:f" is volatile:f. Nothing
// outside the file systems has a name (internal/flash).
//
// Two names are no files: running-config and startup-config, without a file
// system before them, are the configurations as the user may see them. They can
// be read only.
//
// Roles decide as they do at the prompt: each act is judged as the command that
// would do it (dir, copy, delete, ...). Contents of files, which may hold secrets,
// are for roles that read secrets only (docs/adr/0020). What is read of files and
// changed, and attempts at it, go to the accounting log as that command.
package files

import (
	"strings"

	"trunkline/feature"
	"trunkline/internal/flash"
)

// The configurations, which are no files.
const (
	Running = "running-config"
	Startup = "startup-config"
)

// View is the file systems as one user sees them. It is safe for concurrent use
// as far as its functions are.
type View struct {
	Store *flash.Store
	Role  feature.Role
	// May returns ErrPermission unless the user may now do what a command does:
	// "dir bootflash:", or one that acts, "delete bootflash:x".
	May func(command string, acts bool) error
	// By is how the user came, a word such as "scp", for accounts.
	By string
	// Config returns the text of Running or Startup as the user may see it.
	Config func(name string) ([]byte, error)
	// Account notes what became of a command.
	Account func(command string, err error)
}

// Name returns what a path names: the full name of a file or directory, or
// Running or Startup.
func Name(path string) (string, error) {
	parts := strings.Split(path, "/")
	for i := len(parts) - 1; i >= 0; i-- {
		word, _, ok := strings.Cut(parts[i], ":")
		if !ok {
			continue
		}
		for _, system := range flash.Systems() {
			if strings.EqualFold(word+":", system) {
				n, err := flash.Parse(strings.Join(parts[i:], "/"))
				return n.String(), err
			}
		}
	}
	n, err := flash.Resolve(flash.Name{System: flash.Boot}, path)
	if err != nil {
		return "", err
	}
	if n.Path == Running || n.Path == Startup {
		return n.Path, nil
	}
	return n.String(), nil
}

// Path is the path of a file by its full name, for clients that want one from
// the root: "/dir/f" in bootflash:, "/volatile:/f" in volatile:.
func Path(name string) string {
	n, err := flash.Parse(name)
	switch {
	case err != nil: // Running and Startup
		return "/" + name
	case n.System == flash.Boot && n.Path != Running && n.Path != Startup:
		return "/" + n.Path
	case n.Path == "":
		return "/" + n.System
	}
	return "/" + n.System + "/" + n.Path
}

// IsConfig reports whether a path names a configuration.
func IsConfig(path string) bool {
	name, err := Name(path)
	return err == nil && virtual(name)
}

// virtual reports whether a name is that of a configuration.
func virtual(name string) bool { return name == Running || name == Startup }

// denied is the answer to what nobody may do with a name.
func denied(name string) error { return flash.Error("Permission denied: " + name) }

// act does what changes something, if the role may, and accounts for it.
func (v *View) act(command string, do func() error) error {
	err := v.May(command, true)
	if err == nil {
		err = do()
	}
	v.Account(command, err)
	return err
}

// change is act on a name, which may not be that of a configuration.
func (v *View) change(verb, path string, do func(name string) error) error {
	name, err := Name(path)
	if err != nil {
		return err
	}
	return v.act(verb+" "+name, func() error {
		if virtual(name) {
			return denied(name)
		}
		return do(name)
	})
}

// Remove removes a file, RemoveDir an empty directory, and MakeDir makes one.
func (v *View) Remove(path string) error { return v.change("delete", path, v.Store.Remove) }

// RemoveDir removes an empty directory.
func (v *View) RemoveDir(path string) error { return v.change("rmdir", path, v.Store.RemoveDir) }

// MakeDir makes a directory.
func (v *View) MakeDir(path string) error { return v.change("mkdir", path, v.Store.MakeDir) }

// Rename gives a file or directory another name. What has it is replaced, if
// that is said.
func (v *View) Rename(from, to string, replace bool) error {
	source, err := Name(from)
	if err != nil {
		return err
	}
	return v.change("move "+source, to, func(name string) error {
		switch {
		case virtual(source):
			return denied(source)
		case replace:
			return v.Store.Move(source, name)
		}
		return v.Store.Rename(source, name)
	})
}
