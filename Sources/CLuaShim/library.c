// The restricted standard library, the method tables, and loading of files.
#include "internal.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>

#define MAX_FILE_BYTES (16u << 20)

int apus_load_file(lua_State *L, const char *path, const char *chunk_name) {
    FILE *file = NULL;
    struct stat info;
    if (stat(path, &info) != 0 || (!S_ISREG(info.st_mode) && (errno = EINVAL)) || !(file = fopen(path, "rb"))) {
        lua_pushfstring(L, "cannot open %s: %s", path, strerror(errno));
        return LUA_ERRFILE;
    }
    size_t size = info.st_size < 0 || (uint64_t)info.st_size > MAX_FILE_BYTES ? MAX_FILE_BYTES + 1 : (size_t)info.st_size;
    char *text = size <= MAX_FILE_BYTES ? malloc(size + 1) : NULL;
    size_t count = text ? fread(text, 1, size, file) : 0;
    fclose(file);
    if (!text) {
        lua_pushfstring(L, "cannot load %s: it is larger than %d MiB", path, (int)(MAX_FILE_BYTES >> 20));
        return LUA_ERRFILE;
    }
    size_t start = count >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    if (start < count && text[start] == '#') // a first line for the shell; its line end stays, for the line numbers
        while (start < count && text[start] != '\n') start++;
    int status = luaL_loadbufferx(L, text + start, count - start, chunk_name, "t"); // text only: crafted bytecode can crash the VM
    free(text);
    return status;
}

// ---- Strings that look like addresses

static bool control_free(const char *text, size_t count) {
    for (size_t i = 0; i < count; i++)
        if ((unsigned char)text[i] < 32 || text[i] == 127) return false;
    return true;
}

static int string_index(lua_State *L) {
    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) return 1;
    if (lua_type(L, 1) != LUA_TSTRING || lua_type(L, 2) != LUA_TSTRING) return 1;
    const char *key = lua_tostring(L, 2);
    int want = strcmp(key, "user") == 0 ? 1 : strcmp(key, "domain") == 0 ? 2 : strcmp(key, "email") == 0 ? 3 : 0;
    if (!want) return 1;
    size_t count;
    const char *text = lua_tolstring(L, 1, &count);
    if (count > 1024 || !control_free(text, count)) return 1;
    size_t at = count;
    while (at > 0 && text[at - 1] != '@') at--;
    bool null_path = count == 0, postmaster = count == 10 && strncasecmp(text, "postmaster", 10) == 0;
    if (!null_path && !postmaster && (at < 2 || at == count)) return 1;
    if (want == 3) {
        lua_pushvalue(L, 1);
    } else if (want == 2) {
        if (at) lua_pushlstring(L, text + at, count - at);
        else lua_pushliteral(L, "");
    } else if (at > 2 && text[0] == '"' && text[at - 2] == '"') {
        luaL_Buffer user;
        luaL_buffinit(L, &user);
        for (size_t i = 1; i + 2 < at; i++) {
            if (text[i] == '\\' && i + 3 < at) i++;
            luaL_addchar(&user, text[i]);
        }
        luaL_pushresult(&user);
    } else {
        lua_pushlstring(L, text, at ? at - 1 : count);
    }
    return 1;
}

// ---- Restricted functions

static int safe_open(lua_State *L) {
    const char *path = luaL_checkstring(L, 1), *mode = luaL_optstring(L, 2, "r");
    if (strcmp(mode, "r") && strcmp(mode, "rb")) return luaL_error(L, "io.open: files can only be read in a policy (mode 'r')");
    struct stat info;
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) { // a pipe or a device could block the event loop
        lua_pushnil(L);
        lua_pushfstring(L, "%s: not a regular file", path);
        lua_pushinteger(L, EINVAL);
        return 3;
    }
    return apus_forward(L);
}

static int safe_date(lua_State *L) {
    size_t count;
    luaL_optlstring(L, 1, "", &count);
    if (count > 1024) return luaL_error(L, "os.date: the format is longer than 1024 bytes");
    return apus_forward(L);
}

static int file_searcher(lua_State *L) {
    apus_lua *state = apus_of(L);
    const char *name = luaL_checkstring(L, 1);
    lua_settop(L, 1);
    lua_getglobal(L, "package");
    lua_getfield(L, 2, "searchpath");
    lua_pushvalue(L, 1);
    lua_getfield(L, 2, "path");
    lua_call(L, 2, 2);
    if (lua_isnil(L, -2)) return 1; // the text of what was tried
    lua_pop(L, 1);
    const char *path = luaL_checkstring(L, -1), *shown = path;
    size_t prefix = strlen(state->directory);
    if (strncmp(path, state->directory, prefix) == 0 && path[prefix] == '/') shown = path + prefix + 1;
    const char *chunk = lua_pushfstring(L, "@%s", shown);
    if (apus_load_file(L, path, chunk) != LUA_OK) return luaL_error(L, "module '%s': %s", name, lua_tostring(L, -1));
    lua_pushvalue(L, 3);
    return 2;
}

static void clear(lua_State *L, const char *name) {
    lua_pushnil(L);
    lua_setfield(L, -2, name);
}

/// Replaces the library on top of the stack by one with only these names, as a global and for `require`.
static void keep_only(lua_State *L, const char *library, const char *const *names) {
    lua_newtable(L);
    for (; *names; names++) {
        lua_getfield(L, -2, *names);
        lua_setfield(L, -2, *names);
    }
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, library);
    lua_pop(L, 1);
    lua_setglobal(L, library);
    lua_pop(L, 1);
}

static int rejection_tostring(lua_State *L) {
    lua_settop(L, 1);
    lua_getfield(L, 1, "code");
    luaL_tolstring(L, -1, NULL);
    lua_pushliteral(L, " ");
    lua_getfield(L, 1, "message");
    luaL_tolstring(L, -1, NULL);
    lua_remove(L, -2);
    lua_concat(L, 3);
    return 1;
}

static const void *make_class(lua_State *L, const char *name, const char *shown) {
    luaL_newmetatable(L, name);
    const void *identity = lua_topointer(L, -1);
    lua_newtable(L);
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, shown);
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
    return identity;
}

void apus_open_libraries(lua_State *L) {
    apus_lua *state = apus_of(L);
    static const luaL_Reg libraries[] = {
        {LUA_GNAME, luaopen_base}, {LUA_LOADLIBNAME, luaopen_package}, {LUA_COLIBNAME, luaopen_coroutine}, {LUA_TABLIBNAME, luaopen_table},
        {LUA_IOLIBNAME, luaopen_io}, {LUA_OSLIBNAME, luaopen_os}, {LUA_STRLIBNAME, luaopen_string}, {LUA_MATHLIBNAME, luaopen_math},
        {LUA_UTF8LIBNAME, luaopen_utf8}, {NULL, NULL},
    };
    for (const luaL_Reg *library = libraries; library->name; library++) {
        luaL_requiref(L, library->name, library->func, 1);
        lua_pop(L, 1);
    }
    lua_pushglobaltable(L);
    clear(L, "dofile");
    clear(L, "loadfile");
    apus_open_base(L);
    lua_pop(L, 1);
    lua_getglobal(L, "coroutine");
    apus_open_coroutine(L);
    lua_pop(L, 1);
    lua_getglobal(L, "table");
    apus_open_table(L);
    lua_pop(L, 1);

    lua_getglobal(L, "io");
    apus_wrap(L, "open", safe_open);
    keep_only(L, "io", (const char *const[]){"open", NULL});
    lua_getglobal(L, "os");
    apus_wrap(L, "date", safe_date);
    keep_only(L, "os", (const char *const[]){"time", "clock", "date", "getenv", NULL});

    lua_getglobal(L, "package");
    clear(L, "loadlib");
    lua_pushliteral(L, "");
    lua_setfield(L, -2, "cpath");
    lua_pushfstring(L, "%s/?.lua;%s/?/init.lua", state->directory, state->directory);
    lua_setfield(L, -2, "path");
    lua_getfield(L, -1, "searchers"); // changed in place: `require` holds this very table
    lua_pushcfunction(L, file_searcher);
    lua_rawseti(L, -2, 2);
    for (int i = 3; i <= 4; i++) {
        lua_pushnil(L);
        lua_rawseti(L, -2, i);
    }
    lua_pop(L, 2);

    lua_getglobal(L, "string");
    clear(L, "dump");
    apus_open_string(L);
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_pushvalue(L, -3);
    lua_pushcclosure(L, string_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 3);

    state->message_metatable = make_class(L, "apus.message", "message");
    state->connection_metatable = make_class(L, "apus.connection", "connection");
    state->rejection_metatable = make_class(L, "apus.rejection", "rejection");
    luaL_getmetatable(L, "apus.rejection");
    lua_pushcfunction(L, rejection_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pop(L, 1);
}

// ---- Setup from Swift

typedef struct {
    const char *path, *value;
    int function, flags, status;
    int *reference;
} setup;

/// Pushes the table that holds the last name of the path, making tables on the way; answers the last name.
static const char *push_parent(lua_State *L, const char *path) {
    const char *dot = strchr(path, '.');
    if (dot && (strncmp(path, "message.", 8) == 0 || strncmp(path, "connection.", 11) == 0)) {
        const char *class = lua_pushfstring(L, "apus.%s", path[0] == 'm' ? "message" : "connection");
        luaL_getmetatable(L, class);
        lua_getfield(L, -1, "__index");
        return dot + 1;
    }
    lua_pushglobaltable(L);
    for (; dot; path = dot + 1, dot = strchr(path, '.')) {
        lua_pushlstring(L, path, (size_t)(dot - path));
        luaL_getsubtable(L, -2, lua_tostring(L, -1));
    }
    return path;
}

static void push_native(lua_State *L, const setup *s) {
    lua_pushinteger(L, s->function);
    lua_pushinteger(L, s->flags);
    lua_pushstring(L, s->path);
    lua_pushcclosure(L, apus_native_entry, 3);
}

static int register_body(lua_State *L) {
    setup *s = lua_touserdata(L, 1);
    luaL_checkstack(L, 20, NULL);
    const char *name = push_parent(L, s->path);
    if (s->value) lua_pushstring(L, s->value);
    else push_native(L, s);
    lua_setfield(L, -2, name);
    return 0;
}

static int seal_body(lua_State *L) {
    setup *s = lua_touserdata(L, 1);
    const char *path = lua_pushfstring(L, "%s.", s->path);
    push_parent(L, path);
    lua_newtable(L);
    push_native(L, s);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    return 0;
}

static int provide_body(lua_State *L) {
    setup *s = lua_touserdata(L, 1);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getglobal(L, s->path);
    lua_setfield(L, -2, s->path);
    return 0;
}

static int load_body(lua_State *L) {
    setup *s = lua_touserdata(L, 1);
    const char *chunk = lua_pushfstring(L, "@%s", s->value);
    if (apus_load_file(L, s->path, chunk) != LUA_OK) return lua_error(L);
    *s->reference = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

int apus_register(apus_lua *state, const char *path, int function, int flags) {
    return apus_protect(state, register_body, &(setup){.path = path, .function = function, .flags = flags});
}

int apus_set_string(apus_lua *state, const char *path, const char *value) {
    return apus_protect(state, register_body, &(setup){.path = path, .value = value});
}

int apus_seal(apus_lua *state, const char *path, int function) {
    return apus_protect(state, seal_body, &(setup){.path = path, .function = function, .flags = APUS_FLAG_KEY});
}

int apus_provide(apus_lua *state, const char *name) {
    return apus_protect(state, provide_body, &(setup){.path = name});
}

int apus_load(apus_lua *state, const char *path, const char *chunk_name, int *reference) {
    return apus_protect(state, load_body, &(setup){.path = path, .value = chunk_name, .reference = reference});
}
