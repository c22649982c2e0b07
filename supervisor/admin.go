package supervisor

import (
	"cmp"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"trunkline/config/tree"
	"trunkline/feature/aaa"
	"trunkline/internal/secret"
	users "trunkline/supervisor/aaa"
)

// Admin is the user of role network-admin that a new chassis has, unless its
// startup-config file has one.
type Admin struct {
	// Name of the user; "" for admin.
	Name string
	// Password is his; "" for one that is made at random.
	Password string
	// Announce tells the operator of a password that was made at random, once
	// in the life of a state directory.
	Announce func(user, password string)
}

const (
	defaultAdmin = "admin"
	// adminFile keeps the secret of the admin of a chassis that has no stored
	// configuration yet, so that it is the same whenever it boots.
	adminFile = "admin.secret"
	maxSecret = 256 // bytes of it
)

// administered returns the tree with an administrator who can log in.
func (s *Supervisor) administered(t tree.Tree) (tree.Tree, error) {
	if aaa.HasAdmin(t) {
		return t, nil
	}
	name := s.cfg.Admin.Name
	if name == "" {
		name = defaultAdmin
	}
	if _, err := aaa.UserName.Parse(name); err != nil {
		return t, fmt.Errorf("first user: %q is no name of a user", name)
	}
	own, err := s.firstSecret(name)
	if err != nil {
		return t, fmt.Errorf("first user: %w", err)
	}
	for _, e := range aaa.Admin(name, own) {
		t = t.Set(e.Path, e.Value)
	}
	return t, nil
}

// firstSecret returns the secret of the first user.
func (s *Supervisor) firstSecret(name string) (secret.Secret, error) {
	path := filepath.Join(s.cfg.StateDir, adminFile)
	kept, err := readSecret(path)
	if err != nil {
		return secret.Secret{}, err
	}
	password := s.cfg.Admin.Password
	switch {
	case len(password) > secret.MaxPassword:
		return secret.Secret{}, fmt.Errorf("the password has %d bytes, at most %d", len(password), secret.MaxPassword)
	case password == "" && kept != secret.Secret{}, password != "" && kept.Verify(password):
		return kept, nil
	}
	made := password == ""
	if made {
		password = rand.Text()[:20] // 100 bits
	}
	own := secret.New(password)
	if err := writeSecret(path, own); err != nil {
		return secret.Secret{}, err
	}
	if made && s.cfg.Admin.Announce != nil {
		s.cfg.Admin.Announce(name, password)
	}
	return own, nil
}

// readSecret reads a secret that was kept, none if there is no such file.
func readSecret(path string) (secret.Secret, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return secret.Secret{}, nil
	}
	if err != nil {
		return secret.Secret{}, err
	}
	if len(b) > maxSecret {
		return secret.Secret{}, fmt.Errorf("read %s: %w", path, secret.ErrForm)
	}
	kept, err := secret.Parse(string(b))
	if err != nil {
		return secret.Secret{}, fmt.Errorf("read %s: %w", path, err)
	}
	return kept, nil
}

// writeSecret keeps a secret: whole on disk before it is told to anybody.
func writeSecret(path string, own secret.Secret) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".admin-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(own.String())
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(path))
}

// syncDir has the names in a directory on disk.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// AdminFlags declares the flags of the first user. The result, after they are
// parsed, is what they say; a password made at random is announced on w.
func AdminFlags(fs *flag.FlagSet, w io.Writer) func() (Admin, error) {
	file := fs.String("admin-password-file", "", "`file` with the password of user admin of a new chassis; empty: one is made at random and printed once")
	return func() (Admin, error) {
		a := Admin{Announce: func(user, password string) {
			fmt.Fprintf(w, "A new chassis: user %s has the password %s\nIt is not shown again; change it with 'username %[1]s password'.\n", user, password)
		}}
		if *file == "" {
			return a, nil
		}
		f, err := os.Open(*file)
		if err != nil {
			return Admin{}, fmt.Errorf("password of the first user: %w", err)
		}
		defer f.Close() //nolint:errcheck // opened for reading
		b, err := io.ReadAll(io.LimitReader(f, secret.MaxPassword+3))
		if err != nil {
			return Admin{}, fmt.Errorf("password of the first user: %w", err)
		}
		a.Password = strings.TrimRight(string(b), "\r\n")
		switch {
		case a.Password == "":
			return Admin{}, fmt.Errorf("password of the first user: %s is empty", *file)
		case len(a.Password) > secret.MaxPassword || strings.ContainsAny(a.Password, "\r\n"):
			return Admin{}, fmt.Errorf("password of the first user: %s is not one line of at most %d bytes", *file, secret.MaxPassword)
		}
		return a, nil
	}
}

// LabAdmin is the first user in lab mode: admin with the password admin, or as
// given.
func LabAdmin(name, password string) Admin {
	return Admin{Name: cmp.Or(name, users.LabUser), Password: cmp.Or(password, users.LabPassword)}
}
