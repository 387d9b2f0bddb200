/* Two passes. The first walks what looks like JSON with a stack of what it is inside of, forgiving: nothing is ever an
 * error, a bracket too many is ignored. The second looks for e-mail addresses around each @. */
#include "base/personal.h"

#define DEPTH_MAX 64
#define LEVEL_MAX 3 /* JSON in a string in a string: quotes with 7 backslashes */
#define KEY_MAX 40

typedef struct frame {
    bool person; /* inside of a customer or an address */
    bool hide;   /* an array whose key says so: all its texts */
} frame;

typedef struct walk {
    sl_str text;
    char *marks;
    bool found;
    frame stack[DEPTH_MAX];
    int depth;
} walk;

/* ---- keys, in lower case and without anything but letters and digits ---- */

static const char *const everywhere[] = {
    "firstname", "lastname",  "middlename",   "fullname",  "givenname",   "familyname",   "forename",      "surname",
    "maidenname", "email",    "emails",       "phone",     "phones",      "phonenumber",  "mobile",        "mobilephone",
    "telephone", "cellphone", "mobilenumber", "fax",       "address1",    "address2",     "address3",      "addressline1",
    "addressline2", "street", "street1",      "street2",   "zip",         "zipcode",      "postcode",      "postalcode",
    "city",      "suburb",    "town",         "province",  "provincecode", "birthday",    "dateofbirth",   "customername",
    "recipientname", "buyername", "contactname", "deliverto", NULL};
static const char *const of_persons[] = {"name", "company", "companyname", "state", "county", "region", "line1", "line2",
                                         "line3", "displayname", "username", "latitude", "longitude", NULL};
static const char *const persons[] = {"customer", "address", "recipient", "buyer", "deliverto", "contact", NULL};
static const char *const persons_whole[] = {"billing", "shipping", "billto", "shipto", "sender", "person", NULL};
static const char *const things[] = {"lineitem", "items", "product", "variant", "sellable", "orders", "meta", "tags", NULL};

static bool in(const char *const *list, const char *key) {
    for (; *list; list++)
        if (strcmp(*list, key) == 0) return true;
    return false;
}

static bool part_in(const char *const *list, const char *key) {
    for (; *list; list++)
        if (strstr(key, *list)) return true;
    return false;
}

static bool ends_in_address(const char *key) {
    size_t len = strlen(key);
    return len >= 7 && strcmp(key + len - 7, "address") == 0;
}

static bool is_personal(const char *key, bool person) {
    return in(everywhere, key) || ends_in_address(key) || (person && in(of_persons, key));
}

static bool opens_person(const char *key, bool person) {
    if (part_in(persons, key) || in(persons_whole, key)) return true;
    return person && !part_in(things, key);
}

static void read_key(char out[KEY_MAX], sl_str key) {
    size_t n = 0;
    for (size_t i = 0; i < key.len && n < KEY_MAX - 1; i++) {
        char c = key.ptr[i];
        if (c >= 'A' && c <= 'Z') c = (char)(c + ('a' - 'A'));
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out[n++] = c;
    }
    out[n] = '\0';
}

/* ---- JSON, at any level of being quoted: at level n a quote has 2^n - 1 backslashes in front ---- */

static void mark(walk *w, size_t from, size_t to) {
    if (from >= to) return;
    memset(w->marks + from, 1, to - from);
    w->found = true;
}

static size_t quote_len(int level) {
    return (size_t)1 << level;
}

static bool quote_at(const walk *w, size_t at, size_t end, int level) {
    size_t back = quote_len(level) - 1;
    if (at + back >= end || w->text.ptr[at + back] != '"') return false;
    for (size_t i = 0; i < back; i++)
        if (w->text.ptr[at + i] != '\\') return false;
    return true;
}

/* Where the quote that ends a string begins; `end` for a string that is cut. */
static size_t string_end(const walk *w, size_t at, size_t end, int level) {
    size_t back = 0, quote = quote_len(level);
    for (; at < end; at++) {
        if (w->text.ptr[at] == '\\') {
            back++;
            continue;
        }
        if (w->text.ptr[at] == '"' && back % (2 * quote) == quote - 1) return at - (quote - 1);
        back = 0;
    }
    return end;
}

static size_t skip_blanks(const walk *w, size_t at, size_t end) {
    while (at < end && strchr(" \t\r\n", w->text.ptr[at]) && w->text.ptr[at]) at++;
    return at;
}

static frame top(const walk *w) {
    return w->depth > 0 && w->depth <= DEPTH_MAX ? w->stack[w->depth - 1] : (frame){0};
}

static void push(walk *w, frame f) {
    if (w->depth < DEPTH_MAX) w->stack[w->depth] = f;
    w->depth++;
}

static void walk_range(walk *w, size_t at, size_t end, int level);

static void inside(walk *w, size_t from, size_t to, int level) {
    int depth = w->depth;
    if (level < LEVEL_MAX && memchr(w->text.ptr + from, '\\', to - from)) walk_range(w, from, to, level + 1);
    w->depth = depth;
}

/* A key's value from `at` on. Gives where the walk goes on. */
static size_t value(walk *w, const char *key, size_t at, size_t end, int level) {
    bool person = top(w).person, hide = is_personal(key, person);
    at = skip_blanks(w, at, end);
    if (at >= end) return end;
    if (quote_at(w, at, end, level)) {
        size_t from = at + quote_len(level), to = string_end(w, from, end, level);
        if (hide) mark(w, from, to);
        else inside(w, from, to, level);
        return to < end ? to + quote_len(level) : end;
    }
    if (w->text.ptr[at] == '{' || w->text.ptr[at] == '[') {
        push(w, (frame){opens_person(key, person), hide && w->text.ptr[at] == '['});
        return at + 1;
    }
    size_t to = at;
    while (to < end && !strchr(",}] \t\r\n", w->text.ptr[to])) to++;
    bool number = (w->text.ptr[at] >= '0' && w->text.ptr[at] <= '9') || w->text.ptr[at] == '-';
    if (hide && number) mark(w, at, to);
    return to > at ? to : at + 1;
}

static size_t string(walk *w, size_t at, size_t end, int level) {
    char key[KEY_MAX];
    size_t from = at + quote_len(level), to = string_end(w, from, end, level);
    size_t behind = to < end ? to + quote_len(level) : end, colon = skip_blanks(w, behind, end);
    if (colon < end && w->text.ptr[colon] == ':') {
        read_key(key, sl_str_make(w->text.ptr + from, to - from));
        return value(w, key, colon + 1, end, level);
    }
    if (top(w).hide) mark(w, from, to);
    else inside(w, from, to, level);
    return behind;
}

static void walk_range(walk *w, size_t at, size_t end, int level) {
    while (at < end) {
        char c = w->text.ptr[at];
        if (quote_at(w, at, end, level)) {
            at = string(w, at, end, level);
            continue;
        }
        if (c == '{' || c == '[') push(w, top(w));
        else if ((c == '}' || c == ']') && w->depth > 0) w->depth--;
        at++;
    }
}

/* ---- e-mail addresses ---- */

static bool address_byte(char c) {
    unsigned char u = (unsigned char)c;
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || u >= 0x80 ||
           (c && strchr("._-+%", c));
}

/* The bytes of an @ as it stands in text, in a URL and in JSON; 0 where there is none. */
static size_t at_sign(sl_str rest) {
    static const char *const forms[] = {"@", "%40", "\\u0040"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (sl_str_starts(rest, sl_str_of(forms[i]))) return strlen(forms[i]);
    return 0;
}

static bool letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

/* Where the domain ends; `from` where it is none: its last word has two letters or more, or the text is cut there. */
static size_t domain_end(sl_str text, size_t from) {
    size_t to = from;
    while (to < text.len && address_byte(text.ptr[to]) && !strchr("_+%", text.ptr[to])) to++;
    bool cut = to == text.len;
    while (to > from && text.ptr[to - 1] == '.') to--; /* the dot of a sentence */
    if (cut) return to;
    const char *dot = memrchr(text.ptr + from, '.', to - from);
    if (!dot || text.ptr + to - dot < 3) return from;
    return letter(dot[1]) && letter(dot[2]) ? to : from;
}

static void mark_addresses(walk *w) {
    for (size_t i = 0; i < w->text.len; i++) {
        char c = w->text.ptr[i];
        if (c != '@' && c != '%' && c != '\\') continue;
        size_t sign = at_sign(sl_str_make(w->text.ptr + i, w->text.len - i)), from = i;
        if (!sign) continue;
        while (from > 0 && address_byte(w->text.ptr[from - 1])) from--;
        size_t to = domain_end(w->text, i + sign);
        if (from == i || to == i + sign) continue;
        mark(w, from, to);
        i = to - 1;
    }
}

bool sl_personal_mark(sl_str text, char *marks) {
    walk w = {.text = text, .marks = marks};
    if (memchr(text.ptr, '"', text.len)) walk_range(&w, 0, text.len, 0);
    mark_addresses(&w);
    return w.found;
}
