/* The terminal and the standard streams, for stdlib/. */
#include "bindings/terminal.h"

#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bindings/slb.h"

/* core.isatty(fd) -> boolean */
static int l_isatty(lua_State *L) {
    lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
    return 1;
}

/* core.flush_output() -> false where something that was printed is lost, unless its reader has gone (`| head`) */
static int l_flush_output(lua_State *L) {
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    bool lost = fflush(stdout) != 0 || ferror(stdout);
    bool unread = lost && poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP)) != 0;
    lua_pushboolean(L, !lost || unread);
    return 1;
}

/* core.columns() -> width of the terminal, 80 where there is none */
static int l_columns(lua_State *L) {
    struct winsize size;
    bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    lua_pushinteger(L, known ? size.ws_col : 80);
    return 1;
}

/* core.rows() -> how many lines the terminal has */
static int l_rows(lua_State *L) {
    struct winsize size;
    bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
    lua_pushinteger(L, known ? size.ws_row : 24);
    return 1;
}

void slb_terminal_functions(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"columns", l_columns}, {"flush_output", l_flush_output}, {"isatty", l_isatty}, {"rows", l_rows}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
