# How a plugin is built with the kit.  Its Makefile says
#
#   NAME := dice            the program; its source is NAME.c or NAME.cpp
#   MORE := cup.c           further sources, if there are any
#   PACKAGES := libcurl     further libraries, by their names for pkg-config
#   include ../kit/plugin.mk
#
# make         the program
# make asan    the same with AddressSanitizer and UBSan, as NAME-asan
# make lacks   why it can't be built on this machine; nothing: it can
# make clean
#
# STRICT=-Werror makes a warning an error; another compiler may warn of more.

KIT := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
OWN := $(wildcard $(NAME).c $(NAME).cpp) $(MORE)
IS_CXX := $(filter %.cpp,$(OWN))
LIBRARIES := jansson $(if $(IS_CXX),nlohmann_json) $(PACKAGES)

WARNINGS ?= -Wall -Wextra -Wpedantic -Wshadow -Wformat=2 $(STRICT)
HARDENING ?= -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fPIE -D_GLIBCXX_ASSERTIONS
SANITIZERS ?= -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
ALWAYS := $(WARNINGS) -pthread -MMD -MP -I$(KIT) $(shell pkg-config --cflags $(LIBRARIES) 2>/dev/null)
LDLIBS += $(shell pkg-config --libs $(LIBRARIES) 2>/dev/null)
LINK = $(if $(IS_CXX),$(CXX),$(CC)) -pthread

KIT_OBJECTS := $(patsubst $(KIT)/%.c,kit-%.o,$(wildcard $(KIT)/*.c))
OBJECTS := $(KIT_OBJECTS) $(addsuffix .o,$(basename $(OWN)))
PLAIN := $(addprefix build/plain/,$(OBJECTS))
ASAN := $(addprefix build/asan/,$(OBJECTS))

.PHONY: asan lacks clean
.DELETE_ON_ERROR:

$(NAME): $(PLAIN)
	$(LINK) $(HARDENING) -pie -Wl,-z,relro,-z,now $(LDFLAGS) -o $@ $^ $(LDLIBS)

asan: $(NAME)-asan

$(NAME)-asan: $(ASAN)
	$(LINK) $(SANITIZERS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# The two ways of compiling, each into a folder of its own.
define compiled
build/$(1)/kit-%.o: $(KIT)/%.c
	@mkdir -p $$(@D)
	$$(CC) -std=c11 $$(ALWAYS) $(2) $$(CFLAGS) -c -o $$@ $$<

build/$(1)/%.o: %.c
	@mkdir -p $$(@D)
	$$(CC) -std=c11 $$(ALWAYS) $(2) $$(CFLAGS) -c -o $$@ $$<

build/$(1)/%.o: %.cpp
	@mkdir -p $$(@D)
	$$(CXX) -std=c++17 $$(ALWAYS) $(2) $$(CXXFLAGS) -c -o $$@ $$<
endef

$(eval $(call compiled,plain,$$(HARDENING)))
$(eval $(call compiled,asan,$$(SANITIZERS)))

lacks:
	@$(KIT)/lacks "$(CC)" "$(if $(IS_CXX),$(CXX))" $(LIBRARIES)

clean:
	rm -rf build $(NAME) $(NAME)-asan

-include $(PLAIN:.o=.d) $(ASAN:.o=.d)
