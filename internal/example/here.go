package example

import (
	"os"
	"path/filepath"
	"testing"

	"docker-proven/internal/course"
	"docker-proven/internal/image"
)

// BuildHere builds the service's image of that step on the learner's engine, under a name of the lesson's own, and
// returns that. What was built for a lesson before is in the engine's cache, which a throwaway engine hasn't got.
func (s Service) BuildHere(t *testing.T, step int) (tag string) {
	t.Helper()
	return s.BuildFileHere(t, s.Dockerfile(step))
}

// BuildFileHere is BuildHere for another Dockerfile, that of a module which isn't about building.
func (s Service) BuildFileHere(t *testing.T, dockerfile string) (tag string) {
	t.Helper()
	return course.BuildDirectory(t, s.Name, s.Source(), append(s.flags(t, course.Ref, dockerfile), "--quiet")...)
}

// Deliver gives an engine the application: the last image of each service, under the service's name, and Postgres. The
// services are built on the learner's own engine, so that what compilers and installers need stays there.
func Deliver(t *testing.T, engine *course.ThrowawayEngine) {
	t.Helper()
	var tags []string
	for _, service := range Services {
		tags = append(tags, service.BuildHere(t, service.Last))
	}
	engine.Load(t, append(tags, course.Ref(t, image.Postgres))...)
	for n, service := range Services {
		engine.Docker(t, "tag", tags[n], service.Name)
	}
}

// WriteSecrets makes up a password for the database db, and writes it and the database's connection string into a
// directory, which it makes: the files db-password and database-url, which belong into no repository.
func WriteSecrets(t *testing.T, directory string) (password string) {
	t.Helper()
	password = course.Secret(t)
	if err := os.MkdirAll(directory, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"db-password":  password,
		"database-url": "postgres://postgres:" + password + "@db:5432/postgres",
	} {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return password
}
