// Only how far away things are.
#ifdef VERTEX
uniform mat4 to_light; in vec3 position; void main() { gl_Position = to_light * vec4(position, 1); }
#else
void main() {}
#endif
