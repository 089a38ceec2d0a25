// Spheres, boxes and rings in the cube from -1 to 1: functions of a point that return its distance from the surface,
// negative inside.

/** One shape of a kind, of a random size. Its centre is anywhere near the cube's, but in the plane x = 0. */
export function makeShape(kind, random) {
  const shape = kinds[kind](random);
  const [b, c] = [0, 0].map(() => 0.4 * random() - 0.2);
  return (x, y, z) => shape(x, y - b, z - c);
}

export const kinds = {
  sphere(random) {
    const radius = 0.3 + 0.4 * random();
    return (x, y, z) => Math.hypot(x, y, z) - radius;
  },
  box(random) {
    const sides = [0, 0, 0].map(() => 0.2 + 0.4 * random());
    return (...point) => {
      const outside = point.map((at, axis) => Math.abs(at) - sides[axis]);
      return Math.hypot(...outside.map((by) => Math.max(by, 0))) + Math.min(Math.max(...outside), 0);
    };
  },
  ring(random) {
    const [radius, thickness] = [0.35 + 0.25 * random(), 0.1 + 0.15 * random()];
    return (x, y, z) => Math.hypot(Math.hypot(x, y) - radius, z) - thickness;
  },
};

/** Points in the cube where `isWanted(x, y, z)`, 3 numbers each. */
export function makePoints(count, random, isWanted = () => true) {
  const xyz = new Float32Array(3 * count);
  for (let i = 0; i < count; ) {
    const point = [0, 0, 0].map(() => 2 * random() - 1);
    if (isWanted(...point)) xyz.set(point, 3 * i++);
  }
  return xyz;
}

/** A shape's distances at points. */
export function distancesAt(shape, xyz) {
  return Float32Array.from({ length: xyz.length / 3 }, (_, i) => shape(...xyz.subarray(3 * i, 3 * i + 3)));
}

/** A function that returns numbers from 0 to 1, the same for the same seed. */
export function createRandom(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
