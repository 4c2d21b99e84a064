{
  'target_defaults': {
    'cflags_cc!': ['-fno-exceptions', '-fno-rtti', '-std=gnu++17', '-std=gnu++20'],
    'cflags_cc': ['-std=c++20', '-O3', '-fno-plt', '-fvisibility=hidden', '-Wall', '-Wextra',
                  # False alarms of GCC 12 in its own AVX-512 header.
                  '-Wno-maybe-uninitialized'],
    'ldflags': ['-Wl,-z,now', '-Wl,--gc-sections'],
    'xcode_settings': {
      'CLANG_CXX_LANGUAGE_STANDARD': 'c++20',
      'GCC_ENABLE_CPP_EXCEPTIONS': 'YES',
      'GCC_OPTIMIZATION_LEVEL': '3',
    },
  },
  'targets': [
    {
      'target_name': 'simdjson',
      'type': 'static_library',
      'cflags_cc!': ['-Wall', '-Wextra'],
      'cflags_cc': ['-w'],
      'sources': ['node_modules/@nozbe/simdjson/src/simdjson.cpp'],
      'direct_dependent_settings': {
        'include_dirs': ['node_modules/@nozbe/simdjson/src'],
      },
    },
    {
      'target_name': 'mplp',
      'dependencies': ['simdjson'],
      'defines': ['NAPI_VERSION=9', 'NODE_ADDON_API_CPP_EXCEPTIONS', 'NODE_ADDON_API_DISABLE_DEPRECATED',
                  'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS'],
      'include_dirs': ['native', "<!(node -p \"require('node-addon-api').include_dir\")"],
      'sources': [
        'native/addon.cc',
        'native/date_time.cc',
        'native/json_grammar.cc',
        'native/kernel_select.cc',
        'native/name_uuid.cc',
        'native/structural_index.cc',
        # The hot code (native/hot) once for each instruction set; files of other processors compile to nothing.
        'native/kernels/arm64.cc',
        'native/kernels/fallback.cc',
        'native/kernels/haswell.cc',
        'native/kernels/icelake.cc',
        'native/kernels/westmere.cc',
      ],
      'conditions': [
        ["target_arch=='arm64'", {'cflags_cc': ['-march=armv8-a+crc']}],
      ],
    },
    {
      # The embedded ClickHouse child: libchdb's statements for JavaScript.
      'target_name': 'chdb_host',
      'defines': ['NAPI_VERSION=9', 'NODE_ADDON_API_CPP_EXCEPTIONS', 'NODE_ADDON_API_DISABLE_DEPRECATED',
                  'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS'],
      'include_dirs': ["<!(node -p \"require('node-addon-api').include_dir\")"],
      'sources': [
        'native/chdb_host/chdb_host.cc',
        'native/chdb_host/chdb_library.cc',
        'native/chdb_host/statement.cc',
      ],
      'libraries': ['-ldl'],
    },
    {
      # Benchmarks only: parsing and doing nothing, to compare with.
      'target_name': 'mplp_floor',
      'dependencies': ['simdjson'],
      'defines': ['NAPI_VERSION=9', 'NODE_ADDON_API_CPP_EXCEPTIONS', 'NODE_ADDON_API_DISABLE_DEPRECATED',
                  'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS'],
      'include_dirs': ["<!(node -p \"require('node-addon-api').include_dir\")"],
      'sources': ['native/floor/floor.cc'],
    },
  ],
}
