# Prints vectors.json. Needs Elixir with plug_crypto 2.1 running, and plug_crypto 1.2 as well for the
# tokens of old: there `PlugCrypto1` is a copy of its MessageEncryptor under another name.
#
#   elixir -pa ebin vectors.exs > vectors.json

secret = String.duplicate("abcdefgh", 8)
salt = "user auth"

terms = [
  zero: 0,
  byte: 255,
  int: 256,
  int32_max: 2_147_483_647,
  int32_min: -2_147_483_648,
  minus_one: -1,
  beyond_int32: 2_147_483_648,
  below_int32: -2_147_483_649,
  safe_max: 9_007_199_254_740_991,
  unsafe: 9_007_199_254_740_992,
  unsafe_negative: -9_007_199_254_740_993,
  big: Integer.pow(2, 200) + 1,
  large_big: Integer.pow(2, 2048) + 5,
  large_big_negative: -(Integer.pow(3, 2000)),
  float: 1.5,
  float_tiny: 5.0e-324,
  float_big: -1.7976931348623157e308,
  string: "hełło",
  empty_string: "",
  nul_string: <<0>>,
  bom_string: "\uFEFFx",
  bytes: <<0xFF, 0xFE, 0>>,
  yes: true,
  no: false,
  nothing: nil,
  atom: :admin,
  atom_utf8: :"zażółć",
  module: Foo.Bar,
  empty_list: [],
  bytes_list: [1, 2, 255],
  list: [1, 256, "x", nil],
  nested: [[[]], [["deep"]]],
  empty_tuple: {},
  tuple: {:user, 42, "ada"},
  large_tuple: List.to_tuple(Enum.to_list(1..300)),
  empty_map: %{},
  map: %{"id" => 1, "roles" => ["a", "b"]},
  atom_map: %{id: 7, name: "ada"},
  struct: %{__struct__: User, id: 7},
  odd_map: %{1 => "one"},
  proto_map: %{"__proto__" => 1, "constructor" => 2}
]

refused = [
  pid: self(),
  reference: make_ref(),
  port: hd(Port.list()),
  capture: &String.length/1,
  closure: fn -> :ok end,
  bits: <<5::3>>,
  improper: [1 | 2],
  same_name: %{:a => 1, "a" => 2}
]

hex = fn bytes -> Base.encode16(bytes, case: :lower) end
sign = fn data, opts -> Plug.Crypto.sign(secret, salt, data, opts) end
at = 1_700_000_000

signed = [
  plain: sign.(1, signed_at: 0),
  tuple: sign.({:user, 42}, signed_at: at),
  fraction_at: sign.("x", signed_at: at + 0.1239),
  short: sign.("x", signed_at: at, max_age: 60),
  fraction_age: sign.("x", signed_at: at, max_age: 0.5),
  forever: sign.("x", signed_at: at, max_age: :infinity),
  never: sign.("x", signed_at: at, max_age: 0),
  sha384_key: sign.("x", signed_at: at, key_digest: :sha384),
  sha512_key: sign.("x", signed_at: at, key_digest: :sha512),
  rounds: sign.("x", signed_at: at, key_iterations: 3),
  short_key: sign.("x", signed_at: at, key_length: 16)
]

key = Plug.Crypto.KeyGenerator.generate(secret, salt)
raw = fn term, digest -> Plug.Crypto.MessageVerifier.sign(:erlang.term_to_binary(term), key, digest) end

foreign = [
  sha384: raw.({"x", at * 1000, 86_400}, :sha384),
  sha512: raw.({"x", at * 1000, 86_400}, :sha512),
  pair: raw.({"x", at * 1000}, :sha256),
  map: raw.(%{data: "x", signed: at * 1000}, :sha256),
  one: raw.({"x"}, :sha256),
  four: raw.({"x", at * 1000, 86_400, 1}, :sha256),
  text_age: raw.({"x", at * 1000, "86400"}, :sha256),
  no_time: raw.({"x", nil, 86_400}, :sha256),
  compressed:
    Plug.Crypto.MessageVerifier.sign(
      :erlang.term_to_binary({String.duplicate("a", 1000), at * 1000, 86_400}, [:compressed]),
      key,
      :sha256
    )
]

payload = :erlang.term_to_binary({{:user, 42}, at * 1000, 86_400})

encrypted = [
  current: Plug.Crypto.encrypt(secret, salt, {:user, 42}, signed_at: at),
  empty: Plug.Crypto.encrypt(secret, salt, "", signed_at: at),
  legacy: PlugCrypto1.encrypt(payload, key, ""),
  legacy128: PlugCrypto1.encrypt(payload, binary_part(key, 0, 16), "")
]

minor0 = for name <- [:float, :float_tiny, :float_big], do: {name, :erlang.term_to_binary(terms[name], minor_version: 0)}
large = {"large", List.duplicate(["ab"], 50)}

object = fn pairs, value ->
  "{\n" <> Enum.map_join(pairs, ",\n", fn {k, v} -> "    \"#{k}\": \"#{value.(v)}\"" end) <> "\n  }"
end

IO.puts("""
{
  "madeBy": "Elixir #{System.version()}, OTP #{System.otp_release()}, plug_crypto 2.1.1 and 1.2.5",
  "terms": #{object.(terms, &hex.(:erlang.term_to_binary(&1)))},
  "printedFloats": #{object.(minor0, hex)},
  "compressedTerms": #{object.([large], &hex.(:erlang.term_to_binary(&1, compressed: 9)))},
  "refused": #{object.(refused, &hex.(:erlang.term_to_binary(&1)))},
  "signed": #{object.(signed, & &1)},
  "foreign": #{object.(foreign, & &1)},
  "encrypted": #{object.(encrypted, & &1)}
}\
""")
