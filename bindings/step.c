/* Blocks on purpose: a process that stands at a step must not go on with anything else. */
#include "bindings/step.h"

#include <stdio.h>
#include <stdlib.h>

#include "bindings/slb.h"

static void say(const char *path, const char *name) {
    FILE *at = fopen(path, "w");
    if (!at) return;
    fprintf(at, "%s\n", name);
    fclose(at);
}

static void await(const char *path) {
    char line[16];
    FILE *go = fopen(path, "r");
    if (!go) return;
    if (!fgets(line, sizeof line, go)) line[0] = '\0';
    fclose(go);
}

void slb_step(const char *name) {
    const char *folder = getenv("SLUICE_STEPS");
    char path[4096];
    if (!folder) return;
    snprintf(path, sizeof path, "%s/at", folder);
    say(path, name);
    snprintf(path, sizeof path, "%s/go", folder);
    await(path);
}

int slb_step_lua(lua_State *L) {
    slb_step(luaL_checkstring(L, 1));
    return 0;
}
