// What every material does with its pixels.
in vec3 lit, shine, rest_at; in vec2 uv_at; in float detail_at;
uniform float exposure;
out vec4 colour;
vec4 film(vec3 c) {  // filmic curve by K. Narkowicz; the square root is near enough to sRGB's curve, and cheap
    c *= exposure;
    return vec4(sqrt(clamp(c * (2.51 * c + 0.03) / (c * (2.43 * c + 0.59) + 0.14), 0.0, 1.0)), 1);
}
