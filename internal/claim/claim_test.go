package claim

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestATestsNameReadsAsASentence(t *testing.T) {
	for name, expected := range map[string]string{
		"TestAVolumeIsADirectoryOnTheEnginesHost": "A volume is a directory on the engines host",
		"TestCPUIsThrottled":                      "CPU is throttled",
		"TestTheAPISpeaksHTTP":                    "The API speaks HTTP",
		"TestTheAPIsRead":                         "The APIs read",
		"TestMariaDBReadsConfD":                   "MariaDB reads conf.d",
		"TestPostgresListensOnPort5432":           "Postgres listens on port5432",
	} {
		assert.Equal(t, expected, Sentence(name))
	}
}
